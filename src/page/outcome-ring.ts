/**
 * The last outcomes, in memory that exists from the start: numbers, and references to texts that exist anyway. To note
 * one costs no object.
 */
import type { Sender } from '../auth/sender.ts';
import { eventTypes } from '../openlineage/event-schema.ts';
import { deviations } from '../openlineage/deviations.ts';
import type { CheckedEvent } from '../openlineage/verdict.ts';
import type { KnownKind } from '../pipeline/outcome-watch.ts';
import type { Arrival } from '../pipeline/arrival.ts';
import type { OutcomeRow } from './outcome-row.ts';
import { kept, NameSlots, shown } from './texts.ts';

/** Outcomes that a ring holds. */
export const RING_SIZE = 1000;

/** Characters of a run's id with dashes. */
const RUN_ID_BYTES = 36;
const QUOTE = 0x22;

const KINDS: readonly KnownKind[] = ['unknown', 'run', 'job', 'dataset'];
/** Each has a bit, by its place here. */
const DEVIATIONS = deviations;

/** What is noted of an outcome besides its event. */
export interface NotedOutcome {
  /** Of all outcomes that were noted, in both rings. It only grows. */
  readonly sequence: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** From the arrival of the request to the outcome, in milliseconds; below 0 if it is not known. */
  readonly tookMs: number;
  /** `kafka`, `spool`, `dead-letter`, `dropped`, or the code of an error. */
  readonly outcome: string;
  readonly topic: string;
  /** -1 if it is not known, or if several topics have the event. So is the offset. */
  readonly partition: number;
  readonly offset: number;
}

export class OutcomeRing {
  readonly #size: number;
  readonly #sequences: Float64Array;
  readonly #times: Float64Array;
  readonly #took: Float32Array;
  readonly #sizes: Float64Array;
  readonly #kinds: Uint8Array;
  readonly #types: Uint8Array;
  readonly #deviations: Uint16Array;
  readonly #names: NameSlots;
  readonly #runIds: Buffer;
  readonly #outcomes: string[];
  readonly #topics: string[];
  readonly #partitions: Int32Array;
  readonly #offsets: Float64Array;
  readonly #namespaces: string[];
  readonly #senders: (Sender | undefined)[];
  readonly #requestIds: string[];
  readonly #reasons: string[];
  #next = 0;

  constructor(size = RING_SIZE) {
    this.#size = size;
    this.#sequences = new Float64Array(size).fill(-1);
    this.#times = new Float64Array(size);
    this.#took = new Float32Array(size);
    this.#sizes = new Float64Array(size);
    this.#partitions = new Int32Array(size);
    this.#offsets = new Float64Array(size);
    this.#kinds = new Uint8Array(size);
    this.#types = new Uint8Array(size);
    this.#deviations = new Uint16Array(size);
    this.#names = new NameSlots(size);
    this.#runIds = Buffer.alloc(size * RUN_ID_BYTES);
    const texts = () => new Array<string>(size).fill('');
    this.#outcomes = texts();
    this.#topics = texts();
    this.#namespaces = texts();
    this.#senders = new Array<Sender | undefined>(size).fill(undefined);
    this.#requestIds = texts();
    this.#reasons = texts();
  }

  /** Notes the outcome of a valid event. */
  noteEvent(
    noted: NotedOutcome,
    arrival: Pick<Arrival, 'requestId' | 'known'>,
    event: CheckedEvent,
    bytes: Buffer,
    reason = '',
  ): void {
    const at = this.#begin(noted, arrival, bytes.length, KINDS.indexOf(event.kind), reason);
    this.#types[at] = event.type === undefined ? 0 : eventTypes.indexOf(event.type) + 1;
    this.#namespaces[at] = kept(event.namespace);
    let bits = 0;
    for (const deviation of event.deviations) bits |= 1 << DEVIATIONS.indexOf(deviation);
    this.#deviations[at] = bits;
    if (event.texts) {
      this.#names.write(at, event.texts.name);
      this.#writeRunId(at, event.texts.runId ?? '');
      return;
    }
    this.#names.copy(at, bytes, event.nameAt, event.nameEnd, event.nameHasEscape);
    const ids = this.#runIds;
    const start = at * RUN_ID_BYTES;
    let length = 0;
    if (event.runIdAt > 0) {
      for (; length < RUN_ID_BYTES; length++) {
        const byte = bytes[event.runIdAt + length] ?? QUOTE;
        if (byte === QUOTE) break;
        ids[start + length] = byte;
      }
    }
    if (length < RUN_ID_BYTES) ids[start + length] = 0;
  }

  /** Notes the outcome of what is no valid event. */
  noteOther(
    noted: NotedOutcome,
    arrival: Pick<Arrival, 'requestId' | 'known'>,
    kind: KnownKind,
    bytes: number,
    namespace: string,
    name: string,
    reason: string,
  ): void {
    const at = this.#begin(noted, arrival, bytes, KINDS.indexOf(kind), reason);
    this.#types[at] = 0;
    this.#deviations[at] = 0;
    this.#namespaces[at] = kept(namespace);
    this.#names.write(at, name);
    this.#writeRunId(at, '');
  }

  /** The outcomes after `sequence`, the oldest first. */
  *rowsAfter(sequence: number): Generator<OutcomeRow> {
    for (let i = 0; i < this.#size; i++) {
      const at = (this.#next + i) % this.#size;
      if ((this.#sequences[at] ?? -1) > sequence) yield this.#rowAt(at);
    }
  }

  #begin(
    { sequence, at: time, tookMs, outcome, topic, partition, offset }: NotedOutcome,
    { requestId, known }: Pick<Arrival, 'requestId' | 'known'>,
    bytes: number,
    kind: number,
    reason: string,
  ): number {
    const at = this.#next;
    this.#next = (at + 1) % this.#size;
    this.#sequences[at] = sequence;
    this.#times[at] = time;
    this.#took[at] = tookMs;
    this.#sizes[at] = bytes;
    this.#kinds[at] = kind;
    this.#outcomes[at] = outcome;
    this.#topics[at] = topic;
    this.#partitions[at] = partition;
    this.#offsets[at] = offset;
    this.#senders[at] = known?.sender;
    this.#requestIds[at] = requestId;
    this.#reasons[at] = reason;
    return at;
  }

  #writeRunId(at: number, runId: string): void {
    const start = at * RUN_ID_BYTES;
    const length = this.#runIds.write(runId, start, RUN_ID_BYTES, 'latin1');
    if (length < RUN_ID_BYTES) this.#runIds[start + length] = 0;
  }

  #rowAt(at: number): OutcomeRow {
    const runId = this.#runIds.toString('latin1', at * RUN_ID_BYTES, (at + 1) * RUN_ID_BYTES).split('\0')[0];
    const bits = this.#deviations[at] ?? 0;
    const text = (texts: readonly string[]) => shown(texts[at] === '' ? undefined : texts[at]);
    const tookMs = this.#took[at] ?? -1;
    const sender = this.#senders[at];
    return {
      sequence: this.#sequences[at] ?? 0,
      time: this.#times[at] ?? 0,
      outcome: this.#outcomes[at] ?? '',
      kind: KINDS[this.#kinds[at] ?? 0] ?? 'unknown',
      type: eventTypes[(this.#types[at] ?? 0) - 1],
      namespace: text(this.#namespaces),
      job: shown(this.#names.read(at) || undefined),
      run: runId === '' ? undefined : runId,
      sender: sender?.name,
      way: sender?.way,
      bytes: (this.#sizes[at] ?? 0) > 0 ? this.#sizes[at] : undefined,
      topic: text(this.#topics),
      partition: known(this.#partitions[at]),
      offset: known(this.#offsets[at]),
      took_ms: tookMs < 0 ? undefined : Math.round(tookMs * 10) / 10,
      deviations: DEVIATIONS.filter((_, index) => (bits & (1 << index)) !== 0),
      request_id: this.#requestIds[at] ?? '',
      reason: text(this.#reasons),
    };
  }
}

function known(value = -1): number | undefined {
  return value < 0 ? undefined : value;
}
