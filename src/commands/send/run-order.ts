/**
 * Keeps the order of each run's events while several connections send: an event begins when the earlier events of its
 * run, or of its job or dataset, have their answers.
 */
import { checkEvent } from '../../openlineage/check.ts';
import { member } from '../../openlineage/json.ts';

export interface Waiting<Item> {
  readonly item: Item;
  readonly order: string | undefined;
  readonly bytes: number;
}

export class RunOrder<Item> {
  /** For each run with an event in flight, the events that wait for it. */
  readonly #runs = new Map<string, Waiting<Item>[]>();
  readonly #ready: Waiting<Item>[] = [];
  /** Bytes of the events that wait. */
  waitingBytes = 0;

  add(waiting: Waiting<Item>): void {
    this.waitingBytes += waiting.bytes;
    const { order } = waiting;
    const earlier = order === undefined ? undefined : this.#runs.get(order);
    if (earlier) {
      earlier.push(waiting);
      return;
    }
    if (order !== undefined) this.#runs.set(order, []);
    this.#ready.push(waiting);
  }

  /** Takes the next event that may begin. */
  take(): Waiting<Item> | undefined {
    const waiting = this.#ready.shift();
    if (waiting) this.waitingBytes -= waiting.bytes;
    return waiting;
  }

  /** The event has its answer, so the next one of its run may begin. */
  ended({ order }: Waiting<Item>): void {
    if (order === undefined) return;
    const next = this.#runs.get(order)?.shift();
    // It was read before those that are ready.
    if (next) this.#ready.unshift(next);
    else this.#runs.delete(order);
  }
}

/** The run of an event, or else its key. Undefined for what is not an event: it has no order. */
export function orderOf(bytes: Buffer): string | undefined {
  let event: unknown;
  try {
    event = JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
  const runId = member(member(event, 'run'), 'runId');
  if (typeof runId === 'string') return `run ${runId.replaceAll('-', '').toLowerCase()}`;
  const { event: checked } = checkEvent(bytes, 'routing');
  return checked?.key.toString();
}
