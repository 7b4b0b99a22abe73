/**
 * Trino with its OpenLineage plugin. Maven Central has the plugin only within the whole server, of 0.8 GB. What no query of
 * the trial needs is removed after the download.
 */
import { execFile } from 'node:child_process';
import { globSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePorts } from '../../kafka/ports.ts';
import { adapt, documentedBlock, DOCUMENTED_ADDRESS } from '../documented-blocks.ts';
import { installed, once, step } from '../install.ts';
import type { Command } from '../processes.ts';
import { NotHere } from '../trial.ts';
import { maven } from '../versions.ts';

const SERVER = 'io.trino:trino-server';
const PLUGINS = new Set(['memory', 'openlineage', 'tpch']);

/** Trino 476 starts on no older Java. */
const OLDEST_JAVA = 24;

const folder = join(installed, 'trino');

export async function installTrino(): Promise<void> {
  await javaHome();
  await once(folder, [`${SERVER}:${maven[SERVER]}`], async () => {
    const download = join(folder, 'download');
    const artifact = `-Dartifact=${SERVER}:${maven[SERVER]}:tar.gz`;
    // A repository of its own: the usual one would keep the 0.8 GB.
    const local = `-Dmaven.repo.local=${join(download, 'repository')}`;
    await step({
      command: ['mvn', '-q', '-B', local, 'dependency:copy', artifact, `-DoutputDirectory=${download}`],
    });
    const [tar = ''] = globSync(join(download, '*.tar.gz'));
    await step({ command: ['tar', '-xzf', tar, '-C', folder, '--strip-components=1'] });
    const plugins = join(folder, 'plugin');
    for (const name of readdirSync(plugins)) {
      if (!PLUGINS.has(name)) rmSync(join(plugins, name), { recursive: true });
    }
    rmSync(download, { recursive: true });
  });
}

/** A Trino that creates a table, and ends. Its listener has the documented settings. */
export async function trinoCommand(url: string, of: string): Promise<Command> {
  const [port = 0] = await freePorts(1);
  const etc = join(of, 'etc');
  const listener = join(etc, 'openlineage-event-listener.properties');
  mkdirSync(join(etc, 'catalog'), { recursive: true });
  writeFileSync(
    listener,
    adapt(documentedBlock('clients.md', 'Trino', 'properties'), { [DOCUMENTED_ADDRESS]: url }),
  );
  for (const connector of ['memory', 'tpch']) {
    writeFileSync(join(etc, 'catalog', `${connector}.properties`), `connector.name=${connector}\n`);
  }
  writeFileSync(join(etc, 'jvm.config'), '-Xmx1500M\n');
  writeFileSync(join(etc, 'node.properties'), 'node.environment=compat\n');
  writeFileSync(
    join(etc, 'config.properties'),
    `coordinator=true
node-scheduler.include-coordinator=true
http-server.http.port=${port}
discovery.uri=http://127.0.0.1:${port}
catalog.config-dir=${join(etc, 'catalog')}
event-listener.config-files=${listener}
`,
  );
  const home = await javaHome();
  const program = join(import.meta.dirname, 'programs', 'queries-of-trino.ts');
  const launcher = join(folder, 'bin', 'launcher');
  return {
    command: [process.execPath, program, launcher, etc, join(of, 'data'), String(port)],
    env: { JAVA_HOME: home, PATH: `${join(home, 'bin')}:${process.env['PATH'] ?? ''}` },
  };
}

/** @throws {NotHere} when the machine has no Java that is new enough. */
async function javaHome(): Promise<string> {
  const homes = [...(process.env['JAVA_HOME'] ?? '').split('\n'), ...globSync('/usr/lib/jvm/*')];
  for (const home of homes) {
    const { stderr } = await promisify(execFile)(join(home, 'bin', 'java'), ['-version']).catch(() => ({
      stderr: '',
    }));
    if (Number(/version "(\d+)/.exec(stderr)?.[1] ?? 0) >= OLDEST_JAVA) return home;
  }
  throw new NotHere(`no Java ${OLDEST_JAVA} or newer on this machine`);
}
