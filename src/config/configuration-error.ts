import { inspect } from 'node:util';
import type { CatalogEntry } from './catalog.ts';

/** Something that keeps the program from starting. */
export interface Fault {
  /** Where a user finds it: `HTTP2KAFKA__SERVER__PORT in the environment`, `server.port in app.yaml line 3`, `--port`. */
  readonly place: string;
  readonly message: string;
}

/** Every fault on a line of its own, under a headline. */
export function faultReport(faults: readonly Fault[]): string {
  const headline =
    faults.length === 1 ? 'the configuration has a fault:' : `the configuration has ${faults.length} faults:`;
  return [headline, ...faults.map(({ place, message }) => `  ${place}: ${message}`)].join('\n');
}

/** For a value that its setting does not take. */
export function wrongValue(entry: CatalogEntry, value: unknown): string {
  return `${shown(entry, value)} where ${entry.kind.expected} was expected`;
}

const longestShown = 120;

function shown(entry: CatalogEntry, value: unknown): string {
  if (entry.secret) return 'a secret (not shown)';
  const whole = inspect(value, { breakLength: Infinity, depth: 2 });
  return whole.length > longestShown ? `${whole.slice(0, longestShown)}…` : whole;
}
