/** haproxy and nginx, with the configurations of docs/load-balancer.md. */
import { accessSync, constants, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { temporaryFolder } from '../../kafka/folders.ts';
import { endsWithin, startLeashed, type LeashedProcess } from '../../leashed-process.ts';
import { adapt, documentedBlock } from '../documented-blocks.ts';
import { step } from '../install.ts';
import { runToEnd } from '../processes.ts';
import { NotHere } from '../trial.ts';

export interface Ports {
  readonly front: number;
  readonly one: number;
  readonly two: number;
}

export interface LoadBalancer {
  readonly name: 'haproxy' | 'nginx';
  /** Its whole configuration; the folder is for its files. */
  readonly configuration: (ports: Ports, folder: string) => string;
  readonly check: (file: string) => readonly string[];
  readonly run: (file: string) => readonly string[];
}

/** The addresses of the replicas on the page. */
const replicas = ({ one, two }: Ports): Readonly<Record<string, string>> => ({
  '10.0.0.11:8002': `127.0.0.1:${one}`,
  '10.0.0.12:8002': `127.0.0.1:${two}`,
});

export const haproxy: LoadBalancer = {
  name: 'haproxy',
  configuration: (ports) =>
    adapt(documentedBlock('load-balancer.md', 'haproxy', 'text'), {
      'bind :8002': `bind 127.0.0.1:${ports.front}`,
      ...replicas(ports),
    }),
  check: (file) => ['-c', '-f', file],
  run: (file) => ['-db', '-f', file],
};

export const nginx: LoadBalancer = {
  name: 'nginx',
  configuration: (ports, folder) => {
    const documented = adapt(documentedBlock('load-balancer.md', 'nginx', 'nginx'), {
      'listen 8002': `listen 127.0.0.1:${ports.front}`,
      ...replicas(ports),
    });
    // What Debian's nginx.conf has around it, with all files in the folder.
    const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    const folders = kinds.map((kind) => `${kind}_temp_path ${join(folder, kind)};`).join('\n');
    const user = process.getuid?.() === 0 ? 'user root;\n' : '';
    return `${user}pid ${join(folder, 'pid')};
error_log ${join(folder, 'error.log')};
events {}
http {
access_log off;
${folders}
${documented}}
`;
  },
  check: (file) => ['-t', '-c', file],
  run: (file) => ['-c', file, '-g', 'daemon off;'],
};

/** Where Debian puts it; not on the PATH of every user. */
function programOf({ name }: LoadBalancer): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Installs Debian's package where it is missing. */
export async function install(balancer: LoadBalancer): Promise<void> {
  if (programOf(balancer) !== undefined) return;
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  await step({ command: ['apt-get', '-qq', 'update'], env });
  await step({ command: ['apt-get', '-qq', 'install', '-y', '--no-install-recommends', balancer.name], env });
}

/** e.g. 2.6.12. Installs it, if need be. */
export async function versionOf(balancer: LoadBalancer): Promise<string> {
  await install(balancer);
  const { stdout, stderr } = await runToEnd(
    { command: [programOf(balancer) ?? balancer.name, '-v'] },
    10_000,
  );
  return /\d+\.\d+\.\d+/.exec(stdout + stderr)?.[0] ?? 'unknown';
}

/** Checks its configuration, as the program does it, and starts it. */
export async function start(balancer: LoadBalancer, ports: Ports): Promise<() => Promise<void>> {
  const folder = temporaryFolder(`http2kafka-compat-${balancer.name}-`);
  const file = join(folder, 'configuration');
  writeFileSync(file, balancer.configuration(ports, folder));
  const program = programOf(balancer);
  if (program === undefined) throw new NotHere(`${balancer.name} is not installed`);
  const check = await runToEnd({ command: [program, ...balancer.check(file)] }, 10_000);
  if (check.code !== 0) throw new Error(`${balancer.name} refuses the configuration: ${check.stderr}`);
  const running: LeashedProcess = await startLeashed({
    command: [program, ...balancer.run(file)],
    folder,
    log: join(folder, 'log'),
    remove: folder,
  });
  return () => {
    running.signal('SIGTERM');
    return endsWithin(running, 5000);
  };
}
