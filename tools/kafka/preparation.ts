import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cp, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { endsWithin } from '../leashed-process.ts';
import { removeTemporaryFolder, temporaryFolder } from './folders.ts';
import { findJava, startJava } from './java.ts';
import { freePorts } from './ports.ts';
import { serverProperties } from './settings.ts';
import { Wire } from './wire.ts';

const ARCHIVE = 'classes.jsa';
// The records with which a cluster's metadata begins, the same for every cluster of this version.
const BOOTSTRAP = 'bootstrap.checkpoint';
const TRIAL_MS = 60_000;

/** Arguments that start a broker in the folder of the jars; paths are relative to it, so that it may be renamed. */
export async function brokerArguments(
  libraries: string,
  jars: readonly string[],
  properties: string,
  jvm: readonly string[] = [],
): Promise<string[]> {
  const archived = await stat(join(libraries, ARCHIVE)).then(
    () => true,
    () => false,
  );
  return [
    '-Xmx256m',
    // For a short-lived small process: the serial collector and the C1 compiler start fastest.
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-XX:-UsePerfData',
    ...(archived ? [`-XX:SharedArchiveFile=${ARCHIVE}`, '-Xshare:auto'] : []),
    '-Dlog4j2.configurationFile=log4j2.properties',
    ...jvm,
    '-cp',
    jars.join(':'),
    'kafka.Kafka',
    properties,
  ];
}

/**
 * Makes the data folder of a new node. An existing folder stays as it is. Kafka's StorageTool would start a JVM each time to
 * write two small files, which takes as long as to start the broker.
 */
export async function prepareData(
  libraries: string,
  folder: string,
  nodeId: number,
  clusterId: string,
): Promise<void> {
  const meta = join(folder, 'meta.properties');
  if (await readFile(meta).catch(() => undefined)) return;
  await mkdir(folder, { recursive: true });
  await cp(join(libraries, BOOTSTRAP), join(folder, BOOTSTRAP));
  const directoryId = newId();
  // Written atomically: the existence of this file means that the folder is ready.
  await writeFile(
    `${meta}.new`,
    `version=1\ncluster.id=${clusterId}\nnode.id=${nodeId}\ndirectory.id=${directoryId}\n`,
  );
  await rename(`${meta}.new`, meta);
}

/** A new id as Kafka writes them: 16 bytes in URL-safe base64, never with a leading dash. */
export function newId(): string {
  const id = randomBytes(16).toString('base64url');
  return id.startsWith('-') ? newId() : id;
}

/** Lets Kafka's StorageTool make a data folder, once, and keeps the part of it that prepareData copies. */
export async function formatStorage(libraries: string, jars: readonly string[]): Promise<void> {
  await inTrialFolder(async (folder) => {
    const { properties } = await writeTrialProperties(folder);
    // prettier-ignore
    const options = ['-cp', jars.join(':'), 'kafka.tools.StorageTool', 'format', '-t', newId(), '-c', properties];
    await promisify(execFile)(findJava(), options, { cwd: libraries });
    await cp(join(folder, 'data', BOOTSTRAP), join(libraries, BOOTSTRAP));
  });
}

/**
 * Starts a broker once and keeps the classes it loaded, already parsed, in an archive (the JVM's "class data sharing"). With
 * it a broker is up in 1.5 to 2.5 s, without it in 4 to 6 s. The archive is only good with the same JVM and jars; any other JVM
 * ignores it. Never fails: without an archive everything works, only slower.
 */
export async function archiveClasses(libraries: string, jars: readonly string[]): Promise<void> {
  await inTrialFolder(async (folder) => {
    const { properties, port } = await writeTrialProperties(folder);
    await prepareData(libraries, join(folder, 'data'), 1, newId());
    const options = await brokerArguments(libraries, jars, properties, [
      `-XX:ArchiveClassesAtExit=${ARCHIVE}`,
    ]);
    const java = await startJava({
      arguments: options,
      folder: libraries,
      log: join(folder, 'log'),
      remove: folder,
    });
    const wire = new Wire(`127.0.0.1:${port}`, TRIAL_MS);
    try {
      await wire.retry('A trial start', async () => {
        if (java.ending === undefined) await wire.layout([]);
      });
      java.signal('SIGTERM');
    } catch {
      java.signal('SIGKILL');
    } finally {
      wire.close();
    }
    await endsWithin(java, TRIAL_MS);
  });
}

async function writeTrialProperties(folder: string): Promise<{ properties: string; port: number }> {
  const [port = 0, controllerPort = 0] = await freePorts(2);
  const node = { nodeId: 1, port, controllerPort };
  const properties = join(folder, 'server.properties');
  await writeFile(properties, serverProperties(node, [node], {}, join(folder, 'data'), {}));
  return { properties, port };
}

async function inTrialFolder(task: (folder: string) => Promise<void>): Promise<void> {
  const folder = temporaryFolder('http2kafka-trial-');
  try {
    await task(folder);
  } finally {
    await removeTemporaryFolder(folder);
  }
}
