import { readFileSync } from 'node:fs';
import { MemoryContainer } from '../../stage/memory-container.ts';
import type { Line } from '../line.ts';
import type { Scene } from '../scene.ts';

const MIB = 1024 ** 2;
const EVENT_BYTES = 4_500_000;
const SENDERS = 48;
const EVENTS = 100;
/** Large events that are taken one after the other once no other sender is there. */
const ALONE = 5;

export const container256 = containerOf(256);
export const container512 = containerOf(512);

/** Senders of large events while Kafka is unavailable, and while it gets what was spooled. */
function containerOf(mebibytes: number): Line {
  return {
    name: `container-${mebibytes}`,
    what: `${SENDERS} senders of 4.5 MB and no Kafka, in a container of ${mebibytes} MiB`,
    mayRefuse: true,
    bytes: EVENT_BYTES,
    run: (scene) => runIn(scene, mebibytes),
  };
}

async function runIn(scene: Scene, mebibytes: number): Promise<void> {
  const container = MemoryContainer.make(mebibytes);
  if (container) {
    scene.shell = container.enter;
    scene.atEnd(() => container.remove());
  } else
    scene.note(
      'no control group can be made here: its derived settings and the peak of the process stood in',
    );
  const broker = await scene.startBroker();
  await scene.createTopic({ configs: { 'max.message.bytes': String(8 * MIB) } });
  await scene.startProxy(container ? {} : derivedSettings(mebibytes));
  await broker.kill();
  const { ledger, proxy } = scene;
  const answers = () => ledger.kept + ledger.refused;
  const post = async (what: string, posters: number, count: number) => {
    const before = answers();
    const load = scene.startLoad({ posters, paced: false });
    await scene.until(what, () => answers() >= before + count);
    await load.stop();
  };
  await post('large events without Kafka', SENDERS, EVENTS);
  const { refused } = ledger;
  await post('large events of a single sender', 1, ALONE);
  scene.expect(ledger.refused === refused, `${ledger.refused - refused} of a single sender were refused`);
  await broker.start();
  await post('large events while the spool drains', SENDERS, EVENTS);
  scene.expect(ledger.unanswered === 0, `${ledger.unanswered} connections broke before their answer`);
  const peak = peakMebibytes(proxy.pid);
  scene.note(`${peak} MiB at most`);
  if (container) scene.expect(container.kills === 0, 'the kernel has killed the proxy');
  else scene.expect(peak < mebibytes, `${peak} MiB`);
}

function derivedSettings(mebibytes: number): Readonly<Record<string, string>> {
  return {
    QUEUE__MAX_BYTES: String((mebibytes * MIB) / 8),
    SERVER__MAX_BODY_MEMORY: String((mebibytes * MIB) / 16),
    SERVER__MAX_ANSWER_MEMORY: String((mebibytes * MIB) / 16),
  };
}

/** The most resident memory that the process has had. */
function peakMebibytes(pid: number): number {
  const kib = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kib ?? 0) / 1024);
}
