import assert from 'node:assert/strict';
import { EventBodies } from '../../faults/event-bodies.ts';
import type { Line } from '../line.ts';
import type { Scene } from '../scene.ts';

const MIB = 1024 ** 2;
const EVENT_BYTES = 4_500_000;
const SENDERS = 48;
const EVENTS = 100;
/** Large events that are taken one after the other once no other sender is there. */
const ALONE = 5;

export const memory256 = memory(256);
export const memory512 = memory(512);

/** The load of docs/limits.md: senders of large events while Kafka is unavailable, and while it gets what was spooled. */
function memory(mebibytes: number): Line {
  return {
    name: `memory-${mebibytes}`,
    what: `--memory ${mebibytes}m, ${SENDERS} senders of 4.5 MB, without Kafka and while the spool drains`,
    run: (scene) => runIn(scene, mebibytes),
  };
}

async function runIn(scene: Scene, mebibytes: number): Promise<void> {
  scene.bodies = new EventBodies(EVENT_BYTES);
  await scene.createTopic({ configs: { 'max.message.bytes': String(8 * MIB) } });
  const limit = `${mebibytes}m`;
  await scene.startProxy({ options: ['--memory', limit, '--memory-swap', limit] });
  const { ledger } = scene;
  await scene.pauseKafka();
  const answers = () => ledger.kept + ledger.refused;
  const post = async (what: string, posters: number, count: number) => {
    const before = { answers: answers(), refused: ledger.refused, cpu: await scene.cpuSeconds() };
    const beginning = performance.now();
    const load = scene.startLoad({ posters, paced: false });
    await scene.until(what, () => answers() >= before.answers + count, 180_000);
    const seconds = (performance.now() - beginning) / 1000;
    const cores = ((await scene.cpuSeconds()) ?? NaN) - (before.cpu ?? NaN);
    await load.stop();
    // A body waits in the line for 2 s, then it is refused. How many get through in that time depends on the processor.
    scene.note(
      `${what}: ${ledger.refused - before.refused} of ${answers() - before.answers} refused; the proxy had ${(cores / seconds).toFixed(2)} cores`,
    );
  };
  await post('large events without Kafka', SENDERS, EVENTS);
  const { refused } = ledger;
  await post('large events of a single sender', 1, ALONE);
  assert.equal(ledger.refused, refused, 'events of a single sender were refused');
  await scene.unpauseKafka();
  await post('large events while the spool drains', SENDERS, EVENTS);
  await scene.judge({ mayRefuse: true });
  assert.equal(ledger.unanswered, 0, 'connections broke before their answer');
  assert.equal(await scene.inspect('{{.State.OOMKilled}}'), 'false');
  assert.equal(await scene.inspect('{{.RestartCount}} {{.State.Running}}'), '0 true');
  const peak = await scene.peakMebibytes();
  const [, derived] = /queue\.max_bytes is (\d+)/.exec(await scene.log()) ?? [];
  scene.note(
    `the kernel counted ${peak ?? '?'} MiB at most (with files that it keeps in memory), and killed nothing`,
  );
  scene.note(`queue.max_bytes by the memory of the container: ${derived ?? 'as without a limit'}`);
}
