import type { RequestListener } from 'node:http';

/**
 * A listener that is made when it is first needed. Its first request waits until then; where it cannot be made, every
 * request is broken off with the reason.
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
