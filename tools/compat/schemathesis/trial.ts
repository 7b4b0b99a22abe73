/** Runs schemathesis against the OpenAPI document of a proxy. Its configuration and hook are beside this file. */
import { join } from 'node:path';
import { temporaryFolder } from '../../kafka/folders.ts';
import { startProxy } from '../../proxy.ts';
import { installPython } from '../install.ts';
import { runToEnd } from '../processes.ts';
import type { Stage } from '../stage.ts';
import type { Outcome, Trial } from '../trial.ts';
import { python } from '../versions.ts';

/** Each seed makes other requests. */
const SEEDS = [1, 2, 3];
const EXAMPLES = 100;
const LIMIT_MS = 600_000;

const here = import.meta.dirname;
const install = () => installPython('schemathesis', ['schemathesis', 'brotli', 'zstandard']);

export const schemathesis: Trial = {
  name: 'schemathesis',
  group: 'schemathesis',
  label: 'schemathesis',
  version: () => python.schemathesis,
  install: () => install(),
  run: findNothing,
};

async function findNothing(stage: Stage): Promise<Outcome> {
  const program = join(await install(), 'schemathesis');
  const { bootstrapServers } = await stage.broker();
  const proxy = await startProxy({
    settings: {
      KAFKA__BOOTSTRAP_SERVERS: bootstrapServers,
      PRODUCER__MAIN_TOPIC: `compat.schemathesis.${Date.now()}`,
    },
  });
  const problems: string[] = [];
  let requests = 0;
  try {
    await proxy.ready();
    for (const seed of SEEDS) {
      const options = ['--seed', `${seed}`, '--max-examples', `${EXAMPLES}`, '--continue-on-failure'];
      const { code, stdout, stderr } = await runToEnd(
        {
          command: [
            ...['nice', program, '--config-file', join(here, 'schemathesis.toml'), 'run'],
            ...[`${proxy.url}/openapi.json`, ...options],
          ],
          cwd: temporaryFolder('http2kafka-compat-schemathesis-'),
          env: { SCHEMATHESIS_HOOKS: join(here, 'hooks.py') },
        },
        LIMIT_MS,
      );
      requests += Number(/(\d+) generated/.exec(stdout)?.[1] ?? 0);
      if (code !== 0) problems.push(`seed ${seed}:\n${stdout.slice(stdout.indexOf('====')) || stderr}`);
    }
  } finally {
    await proxy.stop();
  }
  const findings = problems.length === 0 ? 'none' : `with ${problems.length} of ${SEEDS.length} seeds`;
  return { ok: problems.length === 0, problems, cells: { requests: `${requests}`, findings } };
}
