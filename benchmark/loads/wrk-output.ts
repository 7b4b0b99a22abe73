/** Parses the output of wrk. */

export interface WrkOutput {
  /** Answers of every status. */
  readonly requests: number;
  /** Seconds that the load lasted. */
  readonly seconds: number;
  /** Milliseconds. NaN when there was no answer. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** Answers that were neither 2xx nor 3xx. */
  readonly refused: number;
  /** Connections that failed, broke, or waited for an answer longer than wrk's 2 s. */
  readonly broken: number;
}

/** The units that wrk writes times in, in milliseconds. */
const UNITS = new Map([
  ['us', 0.001],
  ['ms', 1],
  ['s', 1000],
  ['m', 60_000],
]);

/**
 * Reads the report of `wrk --latency` with the line of our script for the 99.9th percentile (wrk-script.ts).
 * @throws when the text is no such report.
 */
export function parseWrkOutput(text: string): WrkOutput {
  const total = /(\d+) requests in\s+([\d.]+)(\w+),/.exec(text);
  if (!total) throw new Error(`wrk did not report what it did: ${text}`);
  const sockets =
    /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? [];
  return {
    requests: Number(total[1]),
    seconds: milliseconds(`${total[2] ?? ''}${total[3] ?? ''}`) / 1000,
    p50Ms: milliseconds(/^\s+50%\s+(\S+)/m.exec(text)?.[1]),
    p99Ms: milliseconds(/^\s+99%\s+(\S+)/m.exec(text)?.[1]),
    p999Ms: milliseconds(/^99\.9th percentile: (\S+)/m.exec(text)?.[1]),
    refused: Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0),
    broken: sockets.reduce((sum, count) => sum + Number(count), 0),
  };
}

function milliseconds(text: string | undefined): number {
  const [, value, unit = ''] = /^([\d.]+)([a-z]+)$/.exec(text ?? '') ?? [];
  return Number(value ?? Number.NaN) * (UNITS.get(unit) ?? Number.NaN);
}
