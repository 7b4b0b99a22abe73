/**
 * The log lines of refusals that anybody can provoke, as often as he likes: senders who are not known, or send too much. Only
 * so many a second are written; how many were not is told with the next that is.
 */
import type { Logger } from 'pino';
import { Quota } from '../auth/quota.ts';
import type { Refusal } from '../errors.ts';
import type { Exchange } from './exchange.ts';

const LINES_A_SECOND = 20;

/** Characters of the client's own name that are worth logging. */
const MAX_CLIENT = 100;

export class RefusalLog {
  readonly #log: Logger;
  readonly #quota = new Quota(LINES_A_SECOND);
  #leftOut = 0;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Says why a request, or an event of it, is not taken. */
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
      why,
    );
  }

  /** The same, for what may come in floods. */
  warnNowAndThen(exchange: Exchange, reason: Refusal, why: string): void {
    if (!this.#quota.take()) {
      this.#leftOut += 1;
      return;
    }
    const more = this.#leftOut === 0 ? '' : ` (and ${this.#leftOut} more, not logged one by one)`;
    this.#leftOut = 0;
    this.warn(exchange, reason, why + more);
  }
}
