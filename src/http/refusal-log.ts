/**
 * The log lines of refusals that anybody can provoke, as often as he likes: senders who are not known, or send too much. Only
 * so many a second are written; how many were not is told with the next that is.
 */
import type { Logger } from 'pino';
import { TokenBucket } from '../support/token-bucket.ts';
import type { Refusal } from '../errors.ts';
import { printable } from '../support/printable.ts';
import type { Exchange } from './exchange.ts';

const LINES_A_SECOND = 20;

/** Characters of the client's own name that are worth logging. */
const MAX_CLIENT = 100;

export class RefusalLog {
  readonly #log: Logger;
  readonly #quota = new TokenBucket(LINES_A_SECOND);
  #leftOut = 0;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Says why a request, or an event of it, is not taken. What its sender has chosen may be in it. */
  warn(exchange: Exchange, { code }: Refusal, why: string): void {
    const { requestId, path, request, known } = exchange;
    this.#log.warn(
      {
        requestId,
        code,
        path,
        sender: known?.sender.name,
        client: request.headers['user-agent']?.slice(0, MAX_CLIENT),
      },
      printable(why),
    );
  }

  /** The same, for what may come in floods. */
  warnNowAndThen(exchange: Exchange, reason: Refusal, why: string): void {
    const others = this.#others();
    if (others !== undefined) this.warn(exchange, reason, why + others);
  }

  /** What came was no request, which anybody can do as well. */
  warnOfBroken(requestId: string, path: string | undefined, { code, message }: Refusal): void {
    const others = this.#others();
    if (others !== undefined)
      this.#log.warn({ requestId, code, path }, `request refused: ${message}${others}`);
  }

  /** What is to be said of those that were left out before this one; undefined where it is left out itself. */
  #others(): string | undefined {
    if (!this.#quota.take()) {
      this.#leftOut += 1;
      return undefined;
    }
    const others = this.#leftOut === 0 ? '' : ` (and ${this.#leftOut} more, not logged one by one)`;
    this.#leftOut = 0;
    return others;
  }
}
