import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ran } from '../../../tools/docker/command.ts';
import { baseImages } from '../../../tools/docker/base-images.ts';
import { PostingConnection } from '../../faults/posting-connection.ts';
import type { Line } from '../line.ts';
import { SkippedError } from '../line.ts';
import type { Scene } from '../scene.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const JOBS = 100;
/** The last commit of version 0.1.0. */
const OLD = '61d0ad1^';

/** Version 0.1's image leaves events in its volume; this version's image delivers them, and goes on behind them. */
export const upgrade: Line = {
  name: 'upgrade',
  what: "version 0.1's image with events in its spool, then this one on the same volume",
  async run(scene) {
    const old = await oldImage(scene);
    await scene.startProxy({ image: old });
    await postJobs(scene, 2, 'kafka');
    await scene.pauseKafka();
    await postJobs(scene, JOBS, 'spool');
    await scene.removeProxy();
    await scene.startProxy();
    await postJobs(scene, JOBS, 'spool');
    await scene.unpauseKafka();
    await scene.until('the spool is empty', async () => (await spooled(scene)) === 0);
    await postJobs(scene, 2, 'kafka');
    await scene.judge();
    scene.note(`${JOBS * 3} of them were in the spool of ${old}`);
  },
};

async function oldImage(scene: Scene): Promise<string> {
  const name = 'http2kafka:0.1.0';
  const { engine } = scene.stand;
  if ((await engine.tried(['image', 'inspect', name])).status === 0) return name;
  const folder = await mkdtemp(join(tmpdir(), 'http2kafka-0.1-'));
  try {
    const archive = join(folder, 'source.tar');
    try {
      await ran(['git', 'archive', '--output', archive, OLD], { folder: ROOT });
    } catch {
      throw new SkippedError('the history of the project is not here, so version 0.1 cannot be built');
    }
    const source = join(folder, 'source');
    await ran(['mkdir', source]);
    await ran(['tar', '--extract', '--file', archive, '--directory', source]);
    const { node } = await baseImages();
    const version = `NODE_VERSION=${node.replace(/^node:(.*)-slim$/, '$1')}`;
    await engine.docker(['build', ...engine.buildOptions, '--build-arg', version, '--tag', name, source]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return name;
}

/** Posts jobs one after the other. Version 0.1 answers an event that it spools with 202, later ones with 201. */
async function postJobs(scene: Scene, jobs: number, place: 'kafka' | 'spool'): Promise<void> {
  const { ledger, bodies } = scene;
  const connection = new PostingConnection(scene.port);
  try {
    for (let job = 0; job < jobs; job += 1) {
      for (const sequence of ledger.nextJob()) {
        const beginning = performance.now();
        const { status } = await connection.post(bodies.bodyOf(sequence), 30_000);
        assert.ok(status === 201 || status === 202, `answered ${status}`);
        ledger.answered(sequence, 201, place, performance.now() - beginning);
      }
    }
  } finally {
    connection.close();
  }
}

/** The events in the spool, by the metrics. */
async function spooled(scene: Scene): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${scene.port}/monitoring/metrics`)).text();
  const values = [...metrics.matchAll(/^http2kafka_spool_events(?:\{[^}]*\})? (?<value>\d+)$/gm)];
  return values.reduce((sum, { groups }) => sum + Number(groups?.['value']), 0);
}
