/**
 * `POST /api/v1/lineage/batch`: a JSON array of events. The answer is that of OpenLineage's OpenAPI document
 * (`postEventBatch`). Each valid element is forwarded as the exact bytes it has inside the array.
 * An element that is not valid does not affect the others.
 */
import { refusal, type Refusal } from '../../errors.ts';
import { checkTextInTurns } from '../../openlineage/check.ts';
import type { TextVerdict } from '../../openlineage/verdict.ts';
import type { Arrival } from '../../pipeline/arrival.ts';
import { invalidRequest, type Examined, type Ingest, type Ingested } from '../../pipeline/ingest.ts';
import { RequestLines } from '../../pipeline/line-limit.ts';
import type { Observer } from '../../pipeline/observer.ts';
import { blockOf } from '../../support/memory/byte-pool.ts';
import type { Turns } from '../../support/turns.ts';
import { BatchOutcomes } from './batch-outcomes.ts';

/**
 * Most elements of a batch. Each costs about 20 µs and 1.5 KB of memory.
 * That many of the smallest events take 8 MiB, more than a body may have by default.
 */
export const MAX_ELEMENTS = 50_000;

/** What an element costs apart from its check, for `Turns`. A turn takes at most 128 elements. */
const ELEMENT_WORK = 256;

/** Elements of a batch that take a turn together: a turn for each one would cost as much as the element. */
const ELEMENTS_AT_ONCE = 16;

/**
 * Takes the events of a batch, and resolves to the answer with the outcome of each event, as JSON.
 * Resolves to a refusal of the whole batch if it is not an array of at most `MAX_ELEMENTS`.
 * So it does if no event is kept, and at least one is retriable.
 * Rejects with `ClientGone` if the client closes its connection before all events are taken.
 */
export async function takeBatch(
  body: Buffer,
  arrival: Arrival,
  ingest: Ingest,
  observer: Observer,
  turns: Turns,
): Promise<string | Refusal> {
  const element = elementOf(arrival);
  const array = await readArray(body, element, turns);
  if ('code' in array) return ingest.refuseBody(arrival, array);
  const { elements, eventAt } = array;
  const size = elements.length / 2;
  if (size === 0) {
    const over = ingest.takeNothing(arrival);
    if (over) return over;
  }
  const outcomes = new BatchOutcomes(size);
  const note = (index: number, outcome: Ingested) => {
    if (outcome.kind === 'refused') outcomes.refused(index, outcome.refusal);
  };
  const deliveries = new Deliveries();
  const block = blockOf(body);
  try {
    for (let index = 0; index < size; index++) {
      if (index % ELEMENTS_AT_ONCE === 0) {
        const work = Math.min(ELEMENTS_AT_ONCE, size - index) * ELEMENT_WORK;
        if (!turns.take(work)) await turns.wait(work, element);
      }
      const [start = 0, end = 0] = [elements[2 * index], elements[2 * index + 1]];
      const bytes = block?.part(body, start, end) ?? body.subarray(start, end);
      const checking = ingest.examine(element, bytes, eventAt?.(index));
      const examined: Examined = checking instanceof Promise ? await checking : checking;
      const taking = ingest.deliver(element, bytes, examined);
      if (taking instanceof Promise) {
        void deliveries.add(taking, (outcome) => note(index, outcome));
      } else {
        note(index, taking);
      }
    }
    await deliveries.ended();
  } finally {
    observer.batchEnded(element);
  }
  // If nothing is kept, the sender can send the whole batch again. Every client knows that from 429 or 503.
  return outcomes.retriable ?? outcomes.answer(turns, element);
}

/**
 * The deliveries of a batch that go on. It keeps none of them, and a promise of one that has ended is free: a list of all
 * would take more memory than the events, and most of these may be refused.
 */
class Deliveries {
  #count = 0;
  #failed: { readonly error: unknown } | undefined;
  readonly #all = Promise.withResolvers<undefined>();
  #isWaiting = false;

  async add(delivery: Promise<Ingested>, note: (outcome: Ingested) => void): Promise<void> {
    this.#count += 1;
    try {
      note(await delivery);
    } catch (error) {
      this.#failed ??= { error };
    }
    this.#count -= 1;
    if (this.#isWaiting && this.#count === 0) this.#all.resolve(undefined);
  }

  /** Resolves when all have ended. Rejects then if one has failed. */
  async ended(): Promise<void> {
    this.#isWaiting = true;
    if (this.#count > 0) await this.#all.promise;
    if (this.#failed) throw this.#failed.error;
  }
}

/** All elements have one origin, which may be asked for after the connection is closed, and share their log lines. */
function elementOf(arrival: Arrival): Arrival {
  const { requestId, traceparent, trace, known, startedAt } = arrival;
  const origin = arrival.origin();
  const lines = new RequestLines();
  const isGone = () => arrival.isGone?.() === true;
  return { requestId, traceparent, trace, known, startedAt, origin: () => origin, lines, isGone };
}

interface TextArray {
  /** Where each element begins and ends. */
  readonly elements: readonly number[] | Uint32Array;
  readonly eventAt: TextVerdict['eventAt'];
}

/** The elements, or the refusal of a body that is not an array of at most `MAX_ELEMENTS`. */
async function readArray(body: Buffer, client: Arrival, turns: Turns): Promise<TextArray | Refusal> {
  const { elements, count = 0, eventAt, errors } = await checkTextInTurns(body, MAX_ELEMENTS, turns, client);
  if (errors) return invalidRequest(errors);
  if (!elements) {
    const error = {
      location: ['body'],
      message: 'Input should be a valid array of events',
      code: 'list_type',
    };
    return refusal('invalid_request', undefined, [{ ...error, context: {}, input: null }]);
  }
  if (count > MAX_ELEMENTS) {
    return refusal('payload_too_large', `The batch has ${count} elements; the limit is ${MAX_ELEMENTS}`, {
      size: count,
      limit: MAX_ELEMENTS,
    });
  }
  return { elements, eventAt };
}
