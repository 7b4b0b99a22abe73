/**
 * Prints the test files that need no broker, no proxy process, no PostgreSQL, no Kerberos and no browser.
 * `make quick` runs these.
 *
 * A test is in the list when no chain of imports leads from it to a file of `STARTERS`. Imports of types do not count.
 */
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { build, type Metafile } from 'esbuild';

const root = join(import.meta.dirname, '..');

/** Files that start such a program, or find it on the machine. */
const STARTERS: ReadonlySet<string> = new Set([
  'tools/kafka/broker.ts',
  'tools/proxy.ts',
  'tools/postgres.ts',
  'tools/kerberos/install.ts',
  'tools/kerberos/kdc.ts',
  'tools/chromium.ts',
]);

/** The quick tests among these test files. Paths are relative to the root of the repository. */
export async function quickTests(files: readonly string[]): Promise<readonly string[]> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [...files],
    // esbuild writes nothing here: only its graph of the imports is used.
    outdir: 'dist',
    write: false,
    metafile: true,
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node26',
    logLevel: 'error',
  });
  return files.filter((file) => ![...reachable(metafile, file)].some((path) => STARTERS.has(path)));
}

function reachable({ inputs }: Metafile, file: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const { path } of inputs[file]?.imports ?? []) reachable({ inputs, outputs: {} }, path, seen);
  return seen;
}

if (import.meta.main) {
  const files = globSync('test/**/*.test.ts', { cwd: root }).sort();
  console.log((await quickTests(files)).join('\n'));
}
