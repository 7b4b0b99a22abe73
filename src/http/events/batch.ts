/**
 * `POST /api/v1/lineage/batch`: a JSON array of events. The answer is that of OpenLineage's OpenAPI document
 * (`postEventBatch`). Each valid element is forwarded as the exact bytes it has inside the array.
 * An element that is not valid does not affect the others.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { errorTable, refusal, type Refusal } from '../../errors.ts';
import { checkText } from '../../openlineage/check.ts';
import { describeErrors } from '../../openlineage/validation-error.ts';
import type { Arrival } from '../../pipeline/arrival.ts';
import type { Ingest, Ingested } from '../../pipeline/ingest.ts';
import type { Observer } from '../../pipeline/observer.ts';

/** An event of a batch that is not kept. */
export interface FailedEvent {
  /** Its index in the array, from 0. */
  readonly index: number;
  readonly reason: string;
  /** True if the same event, unchanged, may be kept later. */
  readonly retriable: boolean;
}

/** The body of the answer to a batch, as in OpenLineage's OpenAPI document. */
export interface BatchAnswer {
  readonly status: 'success' | 'partial_success';
  readonly summary: {
    readonly received: number;
    readonly successful: number;
    readonly failed: number;
    readonly retriable: number;
    readonly non_retriable: number;
  };
  readonly failed_events: readonly FailedEvent[];
}

/**
 * Most elements of a batch. Each costs about 20 µs and 1.5 KB of memory.
 * That many of the smallest events take 8 MiB, more than a body may have by default.
 */
const MAX_ELEMENTS = 50_000;

/** Elements that are checked before other requests get their turn: a few milliseconds of work for real events. */
const ELEMENTS_A_TURN = 64;

/**
 * Takes the events of a batch, and resolves to the outcome of each event.
 * Resolves to a refusal of the whole batch if it is not an array of at most `MAX_ELEMENTS`.
 * So it does if no event is kept, and at least one is retriable.
 */
export async function takeBatch(
  body: Buffer,
  arrival: Arrival,
  ingest: Ingest,
  observer: Observer,
): Promise<BatchAnswer | Refusal> {
  const elements = elementsOf(body);
  if (!Array.isArray(elements)) {
    observer.refused(arrival, 'unknown', elements);
    return elements;
  }
  const taking: Promise<Ingested>[] = [];
  for (const [index, element] of elements.entries()) {
    if (index % ELEMENTS_A_TURN === ELEMENTS_A_TURN - 1) await nextTurn();
    taking.push(ingest.take(arrival, element));
  }
  const taken = await Promise.all(taking);
  const answer = summarise(taken);
  // If nothing is kept, the sender can send the whole batch again. Every client knows that from 429 or 503.
  const retriable = answer.summary.successful === 0 ? taken.find(isRetriable) : undefined;
  return retriable ? retriable.refusal : answer;
}

/** The bytes of each element, or the refusal of a body that is not a JSON array of at most `MAX_ELEMENTS`. */
function elementsOf(body: Buffer): Buffer[] | Refusal {
  const { elements, errors } = checkText(body);
  if (errors) return refusal('invalid_request', undefined, errors);
  if (!elements) {
    const error = {
      location: ['body'],
      message: 'Input should be a valid array of events',
      code: 'list_type',
    };
    return refusal('invalid_request', undefined, [{ ...error, context: {}, input: null }]);
  }
  const size = elements.length / 2;
  if (size > MAX_ELEMENTS) {
    return refusal('payload_too_large', `The batch has ${size} elements; the limit is ${MAX_ELEMENTS}`, {
      size,
      limit: MAX_ELEMENTS,
    });
  }
  const bodies: Buffer[] = [];
  for (let i = 0; i + 1 < elements.length; i += 2) bodies.push(body.subarray(elements[i], elements[i + 1]));
  return bodies;
}

type Refused = Extract<Ingested, { kind: 'refused' }>;

function isRetriable(ingested: Ingested): ingested is Refused {
  return ingested.kind === 'refused' && errorTable[ingested.refusal.code].retriable;
}

function summarise(ingested: readonly Ingested[]): BatchAnswer {
  const failed_events = ingested.flatMap((outcome, index): FailedEvent[] =>
    outcome.kind === 'refused' ? [{ index, ...describeRefusal(outcome.refusal) }] : [],
  );
  const failed = failed_events.length;
  const retriable = failed_events.filter((event) => event.retriable).length;
  return {
    status: failed === 0 ? 'success' : 'partial_success',
    summary: {
      received: ingested.length,
      successful: ingested.length - failed,
      failed,
      retriable,
      non_retriable: failed - retriable,
    },
    failed_events,
  };
}

function describeRefusal(reason: Refusal): Omit<FailedEvent, 'index'> {
  const { code, message, details } = reason;
  const errors = code === 'invalid_request' && Array.isArray(details) ? describeErrors(details) : undefined;
  return {
    reason: errors === undefined ? message : `${message}: ${errors}`,
    retriable: errorTable[code].retriable,
  };
}
