/** Milliseconds to wait after so many failures in a row, the first included: `firstMs`, then twice as long each time, up to `maxMs`. */
export function backoff(failures: number, firstMs: number, maxMs: number): number {
  return Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, 30));
}
