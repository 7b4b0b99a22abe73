/**
 * Shares the event loop among requests that cost much. In each turn of the loop, all of them together may do a limited
 * amount of work. What does not fit waits for a later turn, in the order of arrival. So no request, and no number of
 * them, keeps the others waiting.
 */
import type { Time } from './time.ts';

/**
 * Work in one turn. The unit is what the full check costs for one byte: at most 150 ns, for bodies made of keys.
 * So a turn takes a few milliseconds at most.
 */
export const WORK_A_TURN = 32 * 1024;

/** The client that the work is for. */
export interface Client {
  /** True once no client waits for the result. */
  isGone?(): boolean;
}

/** The client has closed its connection, so its work is given up. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

interface Waiting {
  readonly work: number;
  readonly client: Client | undefined;
  readonly go: () => void;
  readonly giveUp: (reason: ClientGone) => void;
}

export class Turns {
  readonly #time: Pick<Time, 'setImmediate'>;
  #waiting: Waiting[] = [];
  /** The first of `#waiting` that still waits. Array.shift would be linear. */
  #first = 0;
  /** Work in this turn so far. */
  #spent = 0;
  #isDue = false;

  constructor(time: Pick<Time, 'setImmediate'>) {
    this.#time = time;
  }

  /** True if this work fits into this turn. It then counts, and the caller does it at once. */
  take(work: number): boolean {
    if (this.#first < this.#waiting.length || !this.#fits(work)) return false;
    this.#spend(work);
    return true;
  }

  /**
   * Resolves in the turn in which the caller may do this work.
   * Rejects with `ClientGone` if the client has gone by then: the work would help no client, and delay others.
   */
  wait(work: number, client?: Client): Promise<void> {
    this.#nextSoon();
    return new Promise((go, giveUp) => void this.#waiting.push({ work, client, go, giveUp }));
  }

  /** Work of any size fits into a turn of its own. */
  #fits(work: number): boolean {
    return this.#spent === 0 || this.#spent + work <= WORK_A_TURN;
  }

  #spend(work: number): void {
    this.#spent += work;
    this.#nextSoon();
  }

  #nextSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#time.setImmediate(() => this.#next());
  }

  #next(): void {
    this.#isDue = false;
    this.#spent = 0;
    for (let next = this.#waiting[this.#first]; next; next = this.#waiting[this.#first]) {
      const isGone = next.client?.isGone?.() === true;
      if (!isGone && !this.#fits(next.work)) break;
      this.#first += 1;
      if (isGone) {
        next.giveUp(new ClientGone());
        continue;
      }
      this.#spend(next.work);
      next.go();
    }
    if (this.#first * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#first);
      this.#first = 0;
    }
  }
}
