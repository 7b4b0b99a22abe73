/**
 * Limits how many requests for one kind of larger page are in flight. Each takes an open file or about 50 KB until the
 * client has read it, and any client may request it. Without a limit, clients that never read would leave no open files
 * to the spool. `ping` and `ready` have no limit.
 */
import type { ServerResponse } from 'node:http';
import { refusal } from '../../errors.ts';

/** Most readers of each kind of page. A browser requests about six files at once, a monitoring system one. */
const MAX_READERS = 32;

/** The answer to one reader too many. */
export const TOO_MANY_READERS = refusal('unavailable', 'Too many clients are reading this page');

/** Counts the requests in flight for one kind of page. */
export class PageReaders {
  #readers = 0;

  /** Counts a reader until its answer is closed. Returns false if there are too many already. */
  admit(response: ServerResponse): boolean {
    if (this.#readers >= MAX_READERS) return false;
    this.#readers += 1;
    response.once('close', () => (this.#readers -= 1));
    return true;
  }
}
