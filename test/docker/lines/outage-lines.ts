import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Line } from '../line.ts';
import type { Scene } from '../scene.ts';

const FLOW_MS = 5000;
const OUTAGE_MS = 15_000;

/** Kafka freezes under load. */
export const outage: Line = {
  name: 'outage',
  what: 'docker pause of the broker under load',
  async run(scene) {
    await scene.startProxy();
    scene.startLoad();
    await throughOutage(scene);
    await scene.judge();
    spooledSome(scene);
  },
};

/** The proxy is killed, and ends in order, under load; its container goes on with the same volume. */
export const restart: Line = {
  name: 'restart',
  what: 'docker kill, docker restart and a new container, with events in the spool, under load',
  async run(scene) {
    await scene.startProxy();
    scene.startLoad();
    await sleep(FLOW_MS);
    await scene.pauseKafka();
    await sleep(FLOW_MS);
    await scene.docker('kill', scene.container);
    await scene.docker('start', scene.container);
    await scene.healthy();
    await sleep(FLOW_MS);
    await scene.docker('restart', '--time', '20', scene.container);
    await scene.healthy();
    await sleep(FLOW_MS);
    await scene.removeProxy();
    await scene.startProxy();
    await sleep(FLOW_MS);
    await scene.unpauseKafka();
    await sleep(FLOW_MS);
    await scene.judge();
    spooledSome(scene);
  },
};

/** The kinds of users that container platforms choose, each with a read-only root and without rights. */
export const anyUser: Line = {
  name: 'any-user',
  what: 'a random user id of group 0, a read-only root, no capabilities, an outage',
  async run(scene) {
    const id = 100_000 + Math.floor(Math.random() * 1_000_000_000);
    const locked = ['--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges:true'];
    await scene.startProxy({ options: [...locked, '--user', `${id}:0`] });
    const owner = await scene.docker('exec', scene.container, 'stat', '--format', '%u:%g', '/proc/1');
    assert.equal(owner, `${id}:0`);
    assert.equal(await scene.inspect('{{.HostConfig.ReadonlyRootfs}}'), 'true');
    scene.note(`user ${owner}, read-only root`);
    for (const path of ['/docs/', '/openapi.json', '/monitoring/ready', '/monitoring/metrics']) {
      const { status } = await fetch(`http://127.0.0.1:${scene.port}${path}`);
      assert.equal(status, 200, path);
    }
    scene.startLoad();
    await throughOutage(scene);
    await scene.judge();
    spooledSome(scene);
    await scene.removeProxy();
    await otherUser(scene);
  },
};

/** The volume now has files of another user: the proxy says what to do. */
async function otherUser(scene: Scene): Promise<void> {
  const volume = ['--volume', `${scene.volume}:/var/lib/http2kafka`];
  const { images, engine } = scene.stand;
  const { status, stderr } = await engine.tried(['run', '--rm', '--user', '1234:0', ...volume, images.plain]);
  assert.equal(status, 1);
  assert.match(stderr, /EACCES: .*\. \/var\/lib\/http2kafka must be a folder of the user 1234, who/);
}

/** Half of a core. */
export const halfCore: Line = {
  name: 'half-core',
  what: '--cpus 0.5, 100 events of 5 KB a second, an outage',
  async run(scene) {
    const beginning = performance.now();
    await scene.startProxy({ options: ['--cpus', '0.5'] });
    scene.note(`healthy after ${((performance.now() - beginning) / 1000).toFixed(1)} s`);
    scene.startLoad();
    await throughOutage(scene);
    await scene.judge();
    spooledSome(scene);
  },
};

async function throughOutage(scene: Scene): Promise<void> {
  await sleep(FLOW_MS);
  await scene.pauseKafka();
  await sleep(OUTAGE_MS);
  await scene.unpauseKafka();
  await sleep(FLOW_MS);
}

function spooledSome({ ledger }: Scene): void {
  assert.ok(ledger.keptIn('spool') > 0, 'the outage was too short: no event went to the spool');
  assert.ok(ledger.keptIn('kafka') > 0, 'no event went straight to Kafka');
}
