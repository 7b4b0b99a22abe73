/** Events of several topics through the core of a proxy: an outage of topics, `kill -9`, and the next process. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { suite, test } from 'node:test';
import { temporaryFolder } from '../../tools/kafka/folders.ts';
import { createTopic, endOffsets } from '../../tools/kafka/topics.ts';
import { ranProgram } from '../config/child.ts';
import { useStage } from '../stage/stage.ts';

const WRITER = join(import.meta.dirname, 'several-writer.ts');
const EVENT_BYTES = 3000;

/** An event that its sender was told is kept. */
interface Kept {
  readonly isForBoth: boolean;
  readonly outcome: string;
  readonly text: string;
}

suite('events of two topics', { timeout: 240_000 }, () => {
  const stage = useStage({ properties: { 'auto.create.topics.enable': 'false' } });
  const settings = (folder: string) => ({
    HTTP2KAFKA__KAFKA__BOOTSTRAP_SERVERS: stage.broker.bootstrapServers,
    HTTP2KAFKA__SPOOL__PATH: folder,
    HTTP2KAFKA__LOGGING__LEVEL: 'error',
  });

  /** Lets a process deliver until `enough` events are kept, and kills it. `told` hears of each. */
  async function writeAndKill(folder: string, topics: readonly string[], enough: number): Promise<Kept[]> {
    const writer = spawn(process.execPath, [WRITER, ...topics], {
      env: { PATH: process.env['PATH'], ...settings(folder) },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const ended = once(writer, 'close');
    const kept: Kept[] = [];
    for await (const line of createInterface(writer.stdout)) {
      const [topicCount, outcome = '', ...text] = line.split(' ');
      // The log of the process goes to the same place.
      if (line.startsWith('{') || text.length !== 2) continue;
      kept.push({ isForBoth: topicCount === '2', outcome, text: text.join(' ') });
      if (kept.length === enough) writer.kill('SIGKILL');
    }
    await ended;
    return kept;
  }

  async function drain(folder: string): Promise<void> {
    const { status, stderr, stdout } = await ranProgram(
      ['spool', 'drain', '--folder', folder, '--timeout', '60'],
      settings(folder),
    );
    assert.equal(status, 0, `${stdout}${stderr}`);
  }

  /** Each kept event is in the topic, and those of a key are in their order: a kill may only repeat some. */
  async function assertInOrder(topic: string, kept: readonly Kept[]): Promise<void> {
    const texts = (await stage.records(topic)).map(
      ({ value }) => value?.toString().replace(/ \.*$/, '') ?? '',
    );
    const missing = kept.filter(({ text }) => !texts.includes(text));
    assert.deepEqual(missing, [], `missing in ${topic}`);
    for (const [key, own] of Map.groupBy(new Set(texts), (text) => text.split(' ')[0])) {
      const counts = own.map((text) => Number(text.split(' ')[1]));
      assert.deepEqual(
        counts,
        counts.toSorted((a, b) => a - b),
        `${topic} ${key ?? ''}`,
      );
    }
  }

  /** Bytes of the segments of a topic, and how many events these would be. */
  function eventsOnDisk(folder: string, topic: string): number {
    const path = join(folder, 'topics', topic);
    const logs = readdirSync(path).filter((file) => file.endsWith('.log'));
    return logs.reduce((sum, file) => sum + statSync(join(path, file)).size, 0) / EVENT_BYTES;
  }

  test('are on disk once while both topics are missing, and survive a kill in order', async () => {
    const folder = temporaryFolder('http2kafka-several-');
    const topics = ['one', 'two'];
    const kept = await writeAndKill(folder, topics, 300);
    assert.ok(kept.every(({ outcome }) => outcome === 'spooled'));
    const both = kept.filter(({ isForBoth }) => isForBoth).length;
    const single = kept.length - both;
    assert.ok(eventsOnDisk(folder, 'one') >= both);
    // The events of the second topic alone, references to the others, and what was under way.
    assert.ok(eventsOnDisk(folder, 'two') < single + 0.1 * both + 20, `${eventsOnDisk(folder, 'two')}`);

    const shown = await ranProgram(['spool', 'export', '--topic', 'two'], settings(folder));
    const values = shown.stdout.trim().split('\n');
    assert.ok(values.length >= kept.length, 'the export has the events and not the references');
    assert.ok(values.every((line) => line.includes('"value":"key-')));

    // The first topic gets its events, and the other one is still missing.
    await createTopic(stage.broker.bootstrapServers, { name: 'one', partitions: 3 });
    const partly = await ranProgram(
      ['spool', 'drain', '--folder', folder, '--timeout', '5'],
      settings(folder),
    );
    assert.equal(partly.status, 1, partly.stdout);
    await assertInOrder(
      'one',
      kept.filter(({ isForBoth }) => isForBoth),
    );

    await createTopic(stage.broker.bootstrapServers, { name: 'two', partitions: 3 });
    await drain(folder);
    await assertInOrder('two', kept);
    for (const topic of topics) assert.equal(eventsOnDisk(folder, topic), 0);
  });

  test('are acknowledged when both have them, and spooled while one is missing', async () => {
    const folder = temporaryFolder('http2kafka-several-');
    const { bootstrapServers } = stage.broker;
    await createTopic(bootstrapServers, { name: 'there', partitions: 3 });
    await endOffsets(bootstrapServers, 'there');
    const kept = await writeAndKill(folder, ['there', 'late'], 200);
    assert.ok(kept.every(({ outcome }) => outcome === 'spooled'));
    await createTopic(bootstrapServers, { name: 'late', partitions: 3 });
    await drain(folder);
    await assertInOrder('late', kept);
    await assertInOrder(
      'there',
      kept.filter(({ isForBoth }) => isForBoth),
    );
    const after = await writeAndKill(folder, ['there', 'late'], 200);
    assert.ok(after.some(({ outcome }) => outcome === 'acknowledged'));
  });
});
