import type { CatalogEntry } from './catalog.ts';
import { shownValue } from './shown-value.ts';

/** An error in the configuration. The program does not start with one. */
export interface ConfigurationError {
  /** Where the user finds it: `HTTP2KAFKA__SERVER__PORT in the environment`, `server.port in app.yaml line 3`, `--port`. */
  readonly place: string;
  readonly message: string;
}

/** A headline, then each error on its own line. */
export function errorReport(errors: readonly ConfigurationError[]): string {
  const headline =
    errors.length === 1
      ? 'the configuration has an error:'
      : `the configuration has ${errors.length} errors:`;
  return [headline, ...errors.map(({ place, message }) => `  ${place}: ${message}`)].join('\n');
}

/** The message for a value that is not of its setting's kind. */
export function wrongValue(entry: CatalogEntry, value: unknown): string {
  return `${shown(entry, value)} where ${entry.kind.expected} was expected`;
}

function shown(entry: CatalogEntry, value: unknown): string {
  return entry.secret ? 'a secret (not shown)' : shownValue(value);
}
