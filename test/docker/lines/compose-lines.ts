import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Line } from '../line.ts';
import type { Scene } from '../scene.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const EVENT = readFileSync(join(ROOT, 'examples', 'python', '01-start.json'));

/** The commands at the head of docker-compose.yml, and those of a day with it. */
export const compose: Line = {
  name: 'compose',
  what: 'docker compose up, an event, a restart, new containers on the same volumes',
  async run(scene) {
    const { compose } = scene.stand;
    await compose.down(true);
    const beginning = performance.now();
    await compose.up();
    await post(scene, 'kafka');
    const seconds = ((performance.now() - beginning) / 1000).toFixed(0);
    scene.note(`from nothing (no containers, no volumes) to the first record: ${seconds} s`);
    const [memory = ''] = (
      await scene.docker('stats', '--no-stream', '--format', '{{.MemUsage}}', compose.proxy)
    ).split(' /');
    scene.note(`the proxy uses ${memory}`);

    // An event in the spool outlives a restart, and new containers.
    await compose.run('stop', 'broker');
    await post(scene, 'spool');
    await compose.run('restart', 'http2kafka');
    await scene.until('it takes events after the restart', () => answers(scene));
    await post(scene, 'spool');
    await compose.down(false);
    await compose.up();
    await post(scene, 'kafka');
    const found = await values(scene, 4);
    assert.deepEqual([...new Set(found)], [EVENT.toString().trim()]);
    assert.equal(found.length, 4);
    scene.note(
      'two events in the spool outlived a restart, and `down` and `up`: all 4 events are in Kafka, with their bytes',
    );
    await compose.run('rm', '--stop', '--force', 'http2kafka');
  },
};

async function post(scene: Scene, delivery: string): Promise<void> {
  const url = `http://127.0.0.1:${scene.stand.compose.port}/api/v1/lineage`;
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(url, { method: 'POST', headers, body: EVENT });
  assert.deepEqual([answer.status, answer.headers.get('x-delivery')], [201, delivery]);
}

async function answers(scene: Scene): Promise<boolean> {
  return await fetch(`http://127.0.0.1:${scene.stand.compose.port}/monitoring/ping`).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** The first values in the topic, as Kafka's own consumer in the container of the broker prints them. */
async function values(scene: Scene, count: number): Promise<readonly string[]> {
  // prettier-ignore
  const text = await scene.stand.compose.run(
    'exec', '--no-TTY', 'broker', '/opt/kafka/bin/kafka-console-consumer.sh', '--bootstrap-server', 'broker:19092',
    '--topic', 'input.runs', '--from-beginning', '--max-messages', String(count), '--timeout-ms', '60000',
  );
  return text.split('\n').filter((line) => line.startsWith('{'));
}
