import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { errorReport } from '../../src/config/configuration-error.ts';
import type { FlagValue } from '../../src/config/sources/source.ts';
import { loadSettings, type Inputs, type Loaded, type Refused } from '../../src/config/load.ts';

const broker = { HTTP2KAFKA__KAFKA__BOOTSTRAP_SERVERS: 'localhost:9092' };

interface Given extends Omit<Partial<Inputs>, 'flags'> {
  readonly flags?: Readonly<Record<string, FlagValue>>;
}

/** The settings of these inputs and a broker. Throws an error that contains the report when there are configuration errors. */
export function loaded(given: Given = {}): Loaded {
  const outcome = outcomeOf(given);
  if ('errors' in outcome) throw new Error(errorReport(outcome.errors));
  return outcome;
}

/** The configuration errors of these inputs and a broker, one line each. */
export function errorsOf(given: Given): readonly string[] {
  const outcome = outcomeOf(given);
  return 'errors' in outcome ? outcome.errors.map(({ place, message }) => `${place}: ${message}`) : [];
}

function outcomeOf({ flags = {}, environment = {}, ...rest }: Given): Loaded | Refused {
  return loadSettings({
    ...rest,
    flags: new Map(Object.entries(flags)),
    environment: { ...broker, ...environment },
  });
}

/** Writes a file that is deleted when the test ends, and gives its path. */
export function temporaryFile(test: TestContext, name: string, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-'));
  test.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}
