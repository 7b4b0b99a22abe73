/** The ZooKeeper of a broker before Kafka 3.3: a process beside it, from the same jars. It is up in a second. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LeashedProcess } from '../leashed-process.ts';
import { startJava } from './java.ts';

/** Starts it with its data in `folder`. The broker waits for it, so this does not. */
export async function startZooKeeper(
  libraries: string,
  jars: readonly string[],
  folder: string,
  port: number,
): Promise<LeashedProcess> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'zookeeper.properties');
  const settings = {
    dataDir: join(folder, 'data'),
    clientPort: port,
    clientPortAddress: '127.0.0.1',
    'admin.enableServer': false,
    maxClientCnxns: 0,
    // Milliseconds. A session of a killed broker ends after two to twenty of them.
    tickTime: 500,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  await writeFile(file, lines.join(''));
  return startJava({
    arguments: [
      '-Xmx128m',
      '-XX:+UseSerialGC',
      '-XX:TieredStopAtLevel=1',
      '-XX:-UsePerfData',
      '-Dlog4j2.configurationFile=log4j2.properties',
      // Its beans are of log4j 1.
      '-Dzookeeper.jmx.log4j.disable=true',
      '-cp',
      jars.join(':'),
      'org.apache.zookeeper.server.quorum.QuorumPeerMain',
      file,
    ],
    folder: libraries,
    log: join(folder, 'zookeeper.log'),
  });
}
