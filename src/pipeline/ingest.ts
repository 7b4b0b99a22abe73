/**
 * The pipeline of an event: check, route, make the record, deliver. It takes one event and returns its outcome.
 * It does not know how the event arrived.
 */
import { deadLetterRecord, ROUTING_RULE } from '../delivery/dead-letter-record.ts';
import { isKept, type Delivered, type EventDelivery, type Kept } from '../delivery/port.ts';
import { isRetriable, refusal, type Refusal } from '../errors.ts';
import { recordHeader, type RecordHeader } from '../kafka/record.ts';
import { checkInTurns, isLarge, jobOf, scanWork } from '../openlineage/check.ts';
import { ENCODING_MISSING } from '../openlineage/full-check.ts';
import type { CheckLevel } from '../openlineage/levels/level.ts';
import { describeErrors, type ValidationError } from '../openlineage/validation-error.ts';
import type { CheckedEvent, JobNames, Verdict } from '../openlineage/verdict.ts';
import { printable } from '../support/printable.ts';
import type { Clock } from '../support/time.ts';
import type { Turns } from '../support/turns.ts';
import type { Arrival } from './arrival.ts';
import type { Foreseen, Foresight } from './foresight.ts';
import type { Observer } from './observer.ts';
import type { KnownKind, WatchedEvent, WatchedSource } from './outcome-watch.ts';
import type { FittingRule, RuleSet } from '../routing/rule-set.ts';
import type { SendOutcome, SendTrace } from '../tracing/port.ts';
import { isTraceparent } from '../tracing/trace-context.ts';

export interface IngestSettings {
  /** The topic of events that match no routing rule. */
  readonly mainTopic: string;
  /** The topic of events that are not valid, if `invalid` is `dead-letter`. */
  readonly malformedTopic: string;
  readonly checkLevel: CheckLevel;
  /** What to do with an event that is not valid. */
  readonly invalid: 'reject' | 'dead-letter';
  /** Which time is the timestamp of the record. */
  readonly timestamp: 'event-time' | 'arrival';
}

/** The outcome of one event. With each of the first three the event is kept. */
export type Ingested =
  | Kept
  | { readonly kind: 'dead-letter' }
  /** A routing rule drops the event. */
  | { readonly kind: 'dropped'; readonly rule: string }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

type InvalidVerdict = Extract<Verdict, { errors: readonly ValidationError[] }>;

/** What is known of an event before it is delivered. */
export type Examined = Verdict | Extract<Ingested, { kind: 'refused' }>;

/** Most validation errors in the header `dead-letter-details` of a dead letter. More do not help its reader. */
const MAX_DETAILS = 20;

const CONTENT_TYPE = recordHeader('content-type', 'application/json');

/** Names of headers that most records have. They are made once, not for each event. */
const CORRELATION_ID = Buffer.from('correlation_id');
const REPORTED_BY = Buffer.from('reported-by-user-name');

/** The rules in force; undefined without rules. They may change between two events. */
export interface RuleSource {
  readonly rules: RuleSet | undefined;
}

const NO_RULES: RuleSource = { rules: undefined };

const OVER_QUOTA = refusal('too_many_requests', 'You send more events than your quota allows; wait a second');

export class Ingest {
  readonly #settings: IngestSettings;
  readonly #delivery: EventDelivery;
  readonly #observer: Observer;
  readonly #wall: Clock;
  readonly #turns: Turns;
  readonly #routing: RuleSource;
  readonly #foresight: Foresight | undefined;

  /**
   * `wall` gives the time of arrival, in milliseconds since the Unix epoch. An event whose check costs much waits for
   * its turn. `foresight` examines the events that are taken, for the metrics.
   */
  constructor(
    settings: IngestSettings,
    delivery: EventDelivery,
    observer: Observer,
    wall: Clock,
    turns: Turns,
    routing = NO_RULES,
    foresight?: Foresight,
  ) {
    this.#settings = settings;
    this.#delivery = delivery;
    this.#observer = observer;
    this.#wall = wall;
    this.#turns = turns;
    this.#routing = routing;
    this.#foresight = foresight;
  }

  /**
   * Takes one event. Resolves once the event is kept or refused. The observer hears of the outcome first.
   * Rejects only with `ClientGone`, and for a defect of http2kafka.
   */
  take(arrival: Arrival, bytes: Buffer): Promise<Ingested> {
    const examined = this.examine(arrival, bytes);
    if (examined instanceof Promise) return examined.then((result) => this.deliver(arrival, bytes, result));
    const delivered = this.deliver(arrival, bytes, examined);
    return delivered instanceof Promise ? delivered : Promise.resolve(delivered);
  }

  /**
   * The first step: the quota and the check. A promise only if the event must wait for its turn.
   * Events of one batch keep their order if each is delivered before the next is examined. `event` is what the check of
   * the whole batch has found already.
   */
  examine(arrival: Arrival, bytes: Buffer, event?: CheckedEvent): Examined | Promise<Examined> {
    if (arrival.known?.limits.quota?.take() === false) return this.#refuse(arrival, 'unknown', OVER_QUOTA);
    const checked = checkInTurns(bytes, this.#settings.checkLevel, this.#turns, arrival, event);
    return this.#routing.rules?.readsEvents && isLarge(bytes) ? this.#withTurn(bytes, checked) : checked;
  }

  /** Rules read a large event once more, which costs as much as its scan. */
  async #withTurn(bytes: Buffer, checked: Verdict | Promise<Verdict>): Promise<Verdict> {
    const verdict = await checked;
    const work = scanWork(bytes);
    if (verdict.event && !this.#turns.take(work)) await this.#turns.wait(work);
    return verdict;
  }

  /** The second step, with the result of the first. No promise for an event that goes nowhere: it costs too much. */
  deliver(arrival: Arrival, bytes: Buffer, examined: Examined): Ingested | Promise<Ingested> {
    if ('refusal' in examined) return examined;
    this.#observer.checked(examined.path);
    if (examined.errors) return this.#takeInvalid(arrival, bytes, examined);
    const { event } = examined;
    if (arrival.known?.limits.mayWriteTo(event.namespace) === false) {
      return this.#refuseValid(arrival, foreignNamespace(event.namespace), bytes, event);
    }
    const rule = this.#routing.rules?.find(bytes, event, arrival.known?.sender.name);
    if (rule) return this.#takeRouted(arrival, bytes, event, rule);
    return this.#takeValid(arrival, bytes, event);
  }

  #takeRouted(
    arrival: Arrival,
    bytes: Buffer,
    event: CheckedEvent,
    rule: FittingRule,
  ): Ingested | Promise<Ingested> {
    const { name, action } = rule;
    this.#observer.routed(rule);
    switch (action.kind) {
      case 'topics':
        return this.#takeValid(arrival, bytes, event, action.topics);
      case 'dead-letter': {
        const { kind } = event;
        const errors = [ruleError(rule, action.reason)];
        return this.#makeDeadLetter(arrival, bytes, {
          path: 'full_check',
          kind,
          errors,
          job: jobOf(bytes, event),
        });
      }
      case 'refuse':
        return this.#refuseValid(arrival, refusedByRule(name, action.reason), bytes, event);
      case 'drop':
        this.#observer.dropped(arrival, event, bytes);
        return { kind: 'dropped', rule: name };
    }
  }

  /** `topics` are those of a rule. */
  async #takeValid(
    arrival: Arrival,
    bytes: Buffer,
    event: CheckedEvent,
    topics?: readonly string[],
  ): Promise<Ingested> {
    const { mainTopic, timestamp } = this.#settings;
    const arrivedAt = this.#wall.now();
    const sending = arrival.trace?.send(topics?.join(',') ?? mainTopic, bytes.length);
    const record = {
      topic: topics?.[0] ?? mainTopic,
      key: event.key,
      value: bytes,
      headers: headersOf(arrival, sending),
      timestamp: timestamp === 'arrival' ? arrivedAt : event.time,
      arrivedAt,
    };
    const delivering =
      topics && topics.length > 1
        ? this.#delivery.deliverToAll(record, topics)
        : this.#delivery.deliver(record);
    // While the event is on its way.
    const foreseen = this.#foresee(arrival, bytes);
    const delivered = await delivering;
    sending?.end(sendOutcomeOf(delivered));
    if (!isKept(delivered)) {
      return this.#refuseValid(arrival, refusalOf(delivered), bytes, event);
    }
    const source = this.#observer.kept(arrival, event, bytes, delivered, record.topic);
    // The answer does not wait for what is foreseen of a large event.
    if (foreseen instanceof Promise)
      void foreseen.then((found) => this.#noteForeseen(arrival, found, source));
    else this.#noteForeseen(arrival, foreseen, source);
    return delivered;
  }

  /** A defect here must not refuse an event that may be in Kafka already. So it never throws or rejects. */
  #foresee(arrival: Arrival, bytes: Buffer): Foreseen | Promise<Foreseen | undefined> | undefined {
    try {
      const foreseen = this.#foresight?.examine(bytes);
      if (!(foreseen instanceof Promise)) return foreseen;
      return foreseen.catch((error: unknown) => this.#foresightFailed(arrival, error));
    } catch (error) {
      this.#foresightFailed(arrival, error);
      return undefined;
    }
  }

  #foresightFailed({ requestId }: Arrival, error: unknown): undefined {
    this.#observer.failed(requestId, error);
  }

  /** Never throws, for the same reason. */
  #noteForeseen(arrival: Arrival, foreseen: Foreseen | undefined, source: WatchedSource | undefined): void {
    if (!foreseen) return;
    try {
      this.#observer.foreseen(arrival, foreseen, source);
    } catch (error) {
      this.#foresightFailed(arrival, error);
    }
  }

  /**
   * The refusal for a body that holds no events to take. It counts as one event of the sender's quota,
   * unless the same body may be taken later: over the quota, the answer is that instead.
   */
  refuseBody(arrival: Arrival, reason: Refusal): Refusal {
    const isOver = !isRetriable(reason) && arrival.known?.limits.quota?.take() === false;
    const told = isOver ? OVER_QUOTA : reason;
    this.#observer.refused(arrival, 'unknown', told);
    return told;
  }

  /** A batch without events counts as one for the quota: reading it has a cost. Undefined if the quota allows it. */
  takeNothing(arrival: Arrival): Refusal | undefined {
    if (arrival.known?.limits.quota?.take() !== false) return undefined;
    this.#observer.refused(arrival, 'unknown', OVER_QUOTA);
    return OVER_QUOTA;
  }

  #refuse(
    arrival: Arrival,
    kind: KnownKind,
    reason: Refusal,
    jobOf?: () => JobNames,
    valid?: WatchedEvent,
  ): Extract<Ingested, { kind: 'refused' }> {
    this.#observer.refused(arrival, kind, reason, jobOf, valid);
    return { kind: 'refused', refusal: reason };
  }

  #refuseValid(arrival: Arrival, reason: Refusal, bytes: Buffer, event: CheckedEvent): Ingested {
    return this.#refuse(arrival, event.kind, reason, () => jobOf(bytes, event), { event, bytes });
  }

  #takeInvalid(arrival: Arrival, bytes: Buffer, verdict: InvalidVerdict): Ingested | Promise<Ingested> {
    if (this.#settings.invalid === 'dead-letter') return this.#makeDeadLetter(arrival, bytes, verdict);
    const { kind = 'unknown', errors, job } = verdict;
    return this.#refuse(arrival, kind, invalidRequest(errors), () => job);
  }

  async #makeDeadLetter(
    arrival: Arrival,
    bytes: Buffer,
    { kind: found, errors, job }: InvalidVerdict,
  ): Promise<Ingested> {
    const { malformedTopic } = this.#settings;
    const kind = found ?? 'unknown';
    const details = errors
      .slice(0, MAX_DETAILS)
      .map(({ location, message, code }) => ({ location, message, code }));
    const reason = { summary: summaryOf(errors), details: JSON.stringify(details) };
    const sending = arrival.trace?.send(malformedTopic, bytes.length);
    const headers = headersOf(arrival, sending);
    const letter = deadLetterRecord(malformedTopic, bytes, headers, reason, this.#wall.now());
    const delivered = await this.#delivery.deliver(letter);
    sending?.end(sendOutcomeOf(delivered));
    if (!isKept(delivered)) {
      return this.#refuse(arrival, kind, refusalOf(delivered), () => job);
    }
    this.#observer.deadLettered(arrival, kind, bytes, malformedTopic, errors, job);
    return { kind: 'dead-letter' };
  }
}

/** The refusal for what the check finds. A compressed body is one mistake of the client, which the message names. */
export function invalidRequest(errors: readonly ValidationError[]): Refusal {
  const [first] = errors;
  return refusal('invalid_request', first?.code === ENCODING_MISSING ? first.message : undefined, errors);
}

/** The refusal for an event that the delivery does not keep. */
function refusalOf(delivered: Exclude<Delivered, { kind: 'acknowledged' | 'spooled' }>): Refusal {
  switch (delivered.kind) {
    case 'retriable':
      return refusal('unavailable', `The event cannot be kept now: ${delivered.reason}`);
    case 'permanent':
      return refusal('unavailable', `Kafka refuses the event: ${delivered.reason}`);
    case 'too-large': {
      const { topic, size, limit, event } = delivered;
      const message = `Even compressed, the event needs ${size} bytes; topic ${topic} takes at most ${limit}`;
      return refusal('payload_too_large', message, { size, limit, event });
    }
  }
}

function foreignNamespace(namespace: string): Refusal {
  return refusal('forbidden', `Your namespaces do not include "${printable(namespace.slice(0, 200))}"`);
}

function refusedByRule(rule: string, reason: string): Refusal {
  return refusal('refused_by_rule', `Routing rule ${rule} refuses the event: ${reason}`, { rule });
}

/** An event that a rule keeps has no place that is wrong. */
function summaryOf(errors: readonly ValidationError[]): string {
  const [first] = errors;
  return first?.code === ROUTING_RULE ? first.message : describeErrors(errors);
}

/** Why a valid event is a dead letter, in the form of a validation error: readers of dead letters know that form. */
function ruleError({ name }: FittingRule, reason: string): ValidationError {
  const message = `${reason} (routing rule ${name})`;
  return { location: ['body'], message, code: ROUTING_RULE, context: { rule: name }, input: null };
}

/** What the span of the delivery says of its end. */
function sendOutcomeOf(delivered: Delivered): SendOutcome {
  if (isKept(delivered)) return delivered;
  return { kind: 'failed', reason: delivered.kind === 'too-large' ? 'too large' : delivered.reason };
}

/** The headers of every record, in the order of Data.Rentgen. `sending` is the span that a consumer's joins. */
export function headersOf(
  { requestId, known, traceparent: own }: Arrival,
  sending?: SendTrace,
): RecordHeader[] {
  const headers = [CONTENT_TYPE, { name: CORRELATION_ID, value: Buffer.from(requestId, 'latin1') }];
  if (known) headers.push({ name: REPORTED_BY, value: Buffer.from(known.sender.name) });
  if (sending) headers.push(recordHeader('traceparent', sending.traceparent));
  else if (own !== undefined && isTraceparent(own)) headers.push(recordHeader('traceparent', own));
  return headers;
}
