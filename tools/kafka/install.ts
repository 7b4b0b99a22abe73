import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { archiveClasses, formatStorage } from './preparation.ts';
import { checkJava, findJava, findTool } from './java.ts';
import { ALL_RELEASES, needsZooKeeper, type Release } from './releases.ts';
import { describe } from './wire.ts';

const HERE = import.meta.dirname;
const INSTALLATION = join(HERE, '..', '..', '.run', 'kafka');
const LOCK = join(INSTALLATION, 'installing');
// The content of an installation depends on these files.
const SOURCES = ['pom.xml', 'log4j2.properties', 'preparation.ts'];

const run = promisify(execFile);

/**
 * Puts Kafka's jars into a folder of .run/kafka/libs, unless they are there already, which takes milliseconds to check. The first
 * time takes about 20 s: Maven copies (and may download) 45 MB. Then a trial start records the classes that the JVM loads, which
 * makes later starts two to three times as quick. Several processes may call it at once.
 *
 * The folder is named after its content: another version of the pom gets another folder, and a running broker keeps its own.
 * @param release another one than that of the pom. One with ZooKeeper is not started for a trial.
 * @returns the folder with the jars.
 * @throws {MissingToolError} when java (17 or newer) or mvn is missing.
 * @throws when Maven fails, with the first lines of its output.
 */
export async function installKafka(release?: Release): Promise<string> {
  const java = findJava();
  const libraries = await expectedFolder(release);
  if (existsSync(libraries)) return libraries;
  const maven = findTool('mvn', 'mvn (Maven)');
  await checkJava(java);
  await mkdir(dirname(libraries), { recursive: true });
  while (!(await takeLock())) {
    await sleep(100);
    if (existsSync(libraries)) return libraries;
  }
  try {
    if (!existsSync(libraries)) await install(maven, libraries, release);
  } finally {
    await rm(LOCK, { force: true });
  }
  return libraries;
}

/** The jars in class path order. The order must not change: the class archive is tied to it. */
export async function listJars(libraries: string): Promise<string[]> {
  return (await readdir(libraries)).filter((name) => name.endsWith('.jar')).sort();
}

async function install(maven: string, libraries: string, release?: Release): Promise<void> {
  // Made in another folder and renamed, so that no process sees an incomplete one.
  const fresh = join(INSTALLATION, `fresh-${randomUUID()}`);
  try {
    await mkdir(fresh);
    await cp(join(HERE, 'log4j2.properties'), join(fresh, 'log4j2.properties'));
    await copyJars(maven, fresh, release);
    if (!needsZooKeeper(release)) {
      const jars = await listJars(fresh);
      await formatStorage(fresh, jars);
      await archiveClasses(fresh, jars);
    }
    await rename(fresh, libraries);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}

async function copyJars(maven: string, target: string, release?: Release): Promise<void> {
  // prettier-ignore
  const options = ['-q', '-B', '-f', join(HERE, 'pom.xml'), 'dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${target}`];
  if (release !== undefined) options.push(`-Dkafka.version=${release}`);
  try {
    await run(maven, options);
  } catch (error) {
    const output = error instanceof Error && 'stdout' in error ? String(error.stdout) : '';
    const lines = output.split('\n').filter((line) => line.includes('ERROR'));
    throw new Error(`Maven could not get Kafka:\n${lines.slice(0, 5).join('\n') || describe(error)}`, {
      cause: error,
    });
  }
}

async function expectedFolder(release: Release | undefined): Promise<string> {
  const hash = createHash('sha256');
  if (release !== undefined) hash.update(release);
  for (const name of SOURCES) hash.update(await readFile(join(HERE, name)));
  return join(INSTALLATION, 'libs', hash.digest('hex').slice(0, 16));
}

/** Takes the lock when it is free or when its owner has ended. Maven's cache does not support two processes at once. */
async function takeLock(): Promise<boolean> {
  try {
    const lock = await open(LOCK, 'wx');
    await lock.writeFile(String(process.pid));
    await lock.close();
    return true;
  } catch {
    const holder = Number(await readFile(LOCK, 'utf8').catch(() => '0'));
    if (holder > 0 && !isAlive(holder)) await rm(LOCK, { force: true });
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

// node tools/kafka/install.ts [RELEASE …]
if (import.meta.main) {
  await installKafka();
  for (const release of ALL_RELEASES) if (process.argv.includes(release)) await installKafka(release);
}
