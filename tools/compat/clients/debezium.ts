/**
 * Debezium. The jar that sends its OpenLineage events, debezium-openlineage-core, is not served everywhere. So its settings are
 * compared with those that docs/clients.md shows.
 */
import { documentedBlock } from '../documented-blocks.ts';
import { installJars } from '../install.ts';
import { runToEnd } from '../processes.ts';
import type { Outcome, Trial } from '../trial.ts';
import { maven } from '../versions.ts';
import { join } from 'node:path';

const ARTIFACTS = ['io.debezium:debezium-connector-postgres'] as const;
const LIMIT_MS = 60_000;

export const debezium: Trial = {
  name: 'debezium',
  group: 'clients',
  label: 'Debezium (its settings only)',
  version: () => maven[ARTIFACTS[0]],
  install: () => installJars('debezium', ARTIFACTS),
  run: compareSettings,
};

async function compareSettings(): Promise<Outcome> {
  const jars = await installJars('debezium', ARTIFACTS);
  const program = join(import.meta.dirname, 'programs', 'settings-of-debezium.java');
  const { stdout, stderr } = await runToEnd({ command: ['java', '-cp', jars, program] }, LIMIT_MS);
  const known = new Set(stdout.trim().split('\n'));
  const shown = documentedBlock('clients.md', 'Debezium', 'properties')
    .split('\n')
    .flatMap((line) => (line.includes('=') ? [line.slice(0, line.indexOf('='))] : []));
  const unknown = shown.filter((name) => !known.has(name));
  const problems = unknown.map(
    (name) => `Debezium has no setting ${name}${known.size < 2 ? `: ${stderr}` : ''}`,
  );
  const settings = problems[0] ?? `none; all ${shown.length} settings shown are in its jar`;
  return { ok: problems.length === 0, problems, cells: { events: settings } };
}
