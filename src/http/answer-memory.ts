/** The memory of answers that their clients have not read yet. A client that reads nothing leaves them to the proxy. */

/**
 * Bytes of an answer that is not counted: nearly all are this short, and they must cost nothing. A connection has few of
 * them (`MAX_HANDLED` in connections.ts), and their objects are larger than they are.
 */
const SMALL_BYTES = 4096;

/** Where the bytes in use are shown. */
export interface Shown {
  set(bytes: number): void;
}

/** What is needed of an exchange. */
export interface Answered {
  readonly request: { readonly socket: { destroy(): unknown } };
  readonly response: { once(event: 'close', listener: () => void): unknown };
}

export class AnswerMemory {
  readonly #maxBytes: number;
  readonly #shown: Shown | undefined;
  #taken = 0;
  /** The answers that are not read yet, the oldest first. */
  readonly #unread = new Map<Answered['response'], { readonly bytes: number; readonly cut: () => void }>();

  /** `maxBytes` is for all answers together. */
  constructor(maxBytes: number, shown?: Shown) {
    this.#maxBytes = maxBytes;
    this.#shown = shown;
  }

  /** Bytes of all answers that are counted now. */
  get taken(): number {
    return this.#taken;
  }

  /**
   * Counts an answer until the kernel has taken it, or its connection closes. Above the limit it cuts the connections
   * with the oldest answers: a client that reads takes its answer in a few milliseconds.
   */
  hold({ request, response }: Answered, bytes: number): void {
    if (bytes <= SMALL_BYTES) return;
    this.#unread.set(response, { bytes, cut: () => request.socket.destroy() });
    this.#count(bytes);
    response.once('close', () => this.#release(response));
    for (const [oldest, { cut }] of this.#unread) {
      // One answer is possible in any case.
      if (this.#taken <= this.#maxBytes || oldest === response) return;
      this.#release(oldest);
      cut();
    }
  }

  #release(response: Answered['response']): void {
    const held = this.#unread.get(response);
    if (!held) return;
    this.#unread.delete(response);
    this.#count(-held.bytes);
  }

  #count(more: number): void {
    this.#taken += more;
    this.#shown?.set(this.#taken);
  }
}
