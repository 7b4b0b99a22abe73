/**
 * Writes the pages of docs/, and the dashboard, that are generated from the code. `--check` writes nothing, and exits with 1 when a page is out
 * of date.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import { configurationSchema } from './reference/configuration-schema.ts';
import { configurationPage } from './reference/configuration-page.ts';
import { apiPage } from './reference/api-page.ts';
import { dashboard } from './reference/dashboard.ts';
import { logsPage } from './reference/logs-page.ts';
import { metricsPage } from './reference/metrics-page.ts';

interface Page {
  /** Paths relative to the root of the repository. */
  readonly path: string;
  readonly generate: () => string;
}

const pages: readonly Page[] = [
  { path: 'docs/configuration.md', generate: configurationPage },
  { path: 'docs/api.md', generate: apiPage },
  { path: 'docs/metrics.md', generate: metricsPage },
  { path: 'docs/logs.md', generate: logsPage },
  { path: 'docs/configuration.schema.json', generate: () => JSON.stringify(configurationSchema()) },
  { path: 'docs/monitoring/grafana-dashboard.json', generate: dashboard },
];

const check = process.argv.includes('--check');

for (const { path, generate } of pages) {
  const file = fileURLToPath(new URL(`../${path}`, import.meta.url));
  const text = await format(generate(), {
    ...(await resolveConfig(file)),
    filepath: file,
    proseWrap: 'always',
  });
  const stale = text !== (await readFile(file, 'utf8').catch(() => undefined));
  if (stale && check) {
    console.error(`${path} is out of date; run: make docs`);
    process.exitCode = 1;
  } else if (stale) {
    await writeFile(file, text);
    console.log(`wrote ${path}`);
  }
}
