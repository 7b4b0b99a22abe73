/**
 * How many may read the larger pages at once. Each of those takes an open file or some 50 KB until it is read to its end, and anybody may
 * ask for it: without a limit, those who never read would leave no files to the spool. `ping` and `ready` are answered always.
 */
import type { ServerResponse } from 'node:http';
import { paths } from '../paths.ts';

/** Of each kind of page. Browsers ask for half a dozen files at once, monitoring systems for one. */
const MAX_READERS = 32;

type Kind = 'metrics' | 'docs';

export class PageReaders {
  readonly #readers: Record<Kind, number> = { metrics: 0, docs: 0 };

  /** False where there are too many. `path` without the root path. */
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
