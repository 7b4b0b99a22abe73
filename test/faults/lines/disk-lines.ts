import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { removeTemporaryFolder, temporaryFolder } from '../../../tools/kafka/folders.ts';
import { sequenceOf } from '../event-bodies.ts';
import type { Line } from '../line.ts';
import { SkippedError, type Scene } from '../scene.ts';

const DISK_BYTES = 24 << 20;
const BODY_BEGIN = '{"eventTime":"';
/** So many refusals show that the disk stays full. */
const REFUSALS = 200;
const run = promisify(execFile);

export const diskFull: Line = {
  name: 'disk-full',
  what: 'Kafka stops, the disk of the spool fills up, Kafka comes back',
  mayRefuse: true,
  run: async (scene) => {
    scene.spool = join(await smallDisk(scene), 'spool');
    await fillsUp(scene, {});
  },
};

export const spoolFull: Line = {
  name: 'spool-full',
  what: 'Kafka stops, the spool grows to its limit, Kafka comes back',
  mayRefuse: true,
  run: (scene) => fillsUp(scene, { SPOOL__MAX_BYTES: String(DISK_BYTES) }),
};

export const damagedSegment: Line = {
  name: 'damaged-segment',
  what: 'bytes of a spooled event change while the proxy is stopped',
  duplicatesAre: 'sent again: the proxy ended before it wrote their marks',
  run: async (scene) => {
    const broker = await scene.startBroker();
    await scene.createTopic();
    await scene.startProxy();
    await broker.kill();
    const load = scene.startLoad({ paced: false });
    await scene.until('three full segments', () => segmentsOf(scene.spool).length >= 4);
    await load.stop();
    scene.startLoad();
    await scene.proxy.stop('SIGKILL');
    const segments = segmentsOf(scene.spool);
    scene.note(`${segments.length} segments`);
    scene.damaged.add(damage(segments[segments.length >> 1] ?? ''));
    await scene.startProxy();
    await broker.start();
    await scene.flow();
    await scene.until('a damaged segment set aside', () =>
      filesOf(scene.spool).some((file) => file.includes('.damaged')),
    );
  },
};

async function fillsUp(scene: Scene, settings: Readonly<Record<string, string>>): Promise<void> {
  const broker = await scene.underLoad(settings);
  await scene.flow();
  await broker.kill();
  const { ledger } = scene;
  const filling = scene.startLoad({ paced: false });
  await scene.until('a full disk', () => ledger.refused >= REFUSALS, 120_000);
  await filling.stop();
  const spooled = ledger.keptIn('spool');
  scene.expect(spooled > 0, 'nothing was spooled');
  await scene.outage();
  await broker.start();
  const keptBefore = ledger.kept;
  await scene.until('events are taken again', () => ledger.kept > keptBefore + scene.pace.perSecond);
  const refusedBefore = ledger.refused;
  await scene.flow();
  scene.expect(
    ledger.refused === refusedBefore,
    `${ledger.refused - refusedBefore} refused after Kafka was back`,
  );
}

/** The folder of a new small file system in memory. */
async function smallDisk(scene: Scene): Promise<string> {
  const folder = temporaryFolder('http2kafka-disk-');
  scene.atEnd(() => removeTemporaryFolder(folder));
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'http2kafka-faults', folder]);
  } catch (error) {
    throw new SkippedError('mounting a small disk is not allowed here (it takes root)', { cause: error });
  }
  scene.atEnd(async () => {
    await run('umount', ['-l', folder]);
  });
  return folder;
}

function filesOf(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .sort();
}

function segmentsOf(folder: string): string[] {
  return filesOf(folder).filter((file) => file.endsWith('.log') && statSync(file).isFile());
}

/** Changes some bytes of the event in the middle of a file. Gives the number of that event. */
function damage(file: string): number {
  const bytes = readFileSync(file);
  const begin = bytes.lastIndexOf(BODY_BEGIN, bytes.length >> 1, 'latin1');
  const sequence = begin === -1 ? undefined : sequenceOf(bytes, begin);
  if (sequence === undefined) throw new Error(`There is no event in the middle of ${file}.`);
  for (let at = begin + 1000; at < begin + 1016; at++) bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  writeFileSync(file, bytes);
  return sequence;
}
