import type { RequestListener } from 'node:http';

/**
 * A listener that `make` creates at the first request, which waits for it.
 * If `make` rejects, every request's connection is closed.
 */
export function lazily(make: () => Promise<RequestListener>): RequestListener {
  let made: Promise<RequestListener> | undefined;
  return (request, response) => {
    made ??= make();
    made.then(
      (listener) => listener(request, response),
      (error: unknown) => response.destroy(error instanceof Error ? error : undefined),
    );
  };
}
