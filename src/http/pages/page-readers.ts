/**
 * Limits how many requests for the larger pages are in flight. Each takes an open file or about 50 KB until the client
 * has read it, and any client may request it. Without a limit, clients that never read would leave no open files to the
 * spool. `ping` and `ready` have no limit.
 */
import type { ServerResponse } from 'node:http';
import { paths } from '../paths.ts';

/** Most readers of each kind of page. A browser requests about six files at once, a monitoring system one. */
const MAX_READERS = 32;

type Kind = 'metrics' | 'docs';

/** Counts the requests in flight for each kind of page. */
export class PageReaders {
  readonly #readers: Record<Kind, number> = { metrics: 0, docs: 0 };

  /**
   * Counts a reader of a page until its answer is closed. Returns false if there are too many already.
   * `path` is without the root path.
   */
  admit(path: string, response: ServerResponse): boolean {
    const kind = kindOf(path);
    if (kind === undefined) return true;
    if (this.#readers[kind] >= MAX_READERS) return false;
    this.#readers[kind] += 1;
    response.once('close', () => (this.#readers[kind] -= 1));
    return true;
  }
}

function kindOf(path: string): Kind | undefined {
  if (path.startsWith(paths.metrics.path)) return 'metrics';
  return path.startsWith(paths.docs.path) || path.startsWith(paths.openapi.path) ? 'docs' : undefined;
}
