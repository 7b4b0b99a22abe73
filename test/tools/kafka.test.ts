import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Admin, Producer } from '@platformatic/kafka';
import { startBroker, type Broker } from '../../tools/kafka/broker.ts';
import { readBatches, readRecords } from '../../tools/kafka/records.ts';
import {
  beginningOffsets,
  createTopic,
  deleteTopic,
  endOffsets,
  setTopicConfig,
} from '../../tools/kafka/topics.ts';

const BROKER = join(import.meta.dirname, '..', '..', 'tools', 'kafka', 'broker.ts');
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

void describe('a broker of the tools', { timeout: 120_000 }, () => {
  let broker: Broker;
  let producer: Producer;

  before(async () => {
    broker = await startBroker();
    producer = new Producer({
      clientId: 'test',
      bootstrapBrokers: [broker.bootstrapServers],
      idempotent: true,
    });
  });

  after(async () => {
    await producer.close();
    await broker.stop();
    await assert.rejects(access(broker.folder), 'a temporary folder is removed');
  });

  it('listens on a port below the range for outgoing connections', () => {
    assert.ok(broker.port < 32768);
    assert.equal(broker.bootstrapServers, `127.0.0.1:${broker.port}`);
    assert.ok(broker.running);
  });

  for (const compression of CODECS) {
    it(`gives back what was written with compression ${compression}`, async () => {
      const topic = `codec-${compression}`;
      await createTopic(broker.bootstrapServers, { name: topic, partitions: 2 });
      const key = Buffer.from([0, 255, 1]);
      const value = Buffer.concat([Buffer.from([0, 128, 255]), Buffer.alloc(20_000, 'http2kafka')]);
      const headers = new Map([
        [Buffer.from('first'), Buffer.from([0, 254])],
        [Buffer.from('ä'), Buffer.alloc(0)],
      ]);
      const timestamp = 1_577_836_800_123n;
      const message = { topic, partition: 1, key, value, headers, timestamp };
      await producer.send({ compression, messages: [message, { ...message, timestamp: timestamp + 5n }] });

      const records = await readRecords(broker.bootstrapServers, topic);
      const expected = {
        topic,
        partition: 1,
        key,
        value,
        headers: [...headers].map(([k, v]) => [k.toString(), v]),
      };
      assert.deepEqual(records, [
        { ...expected, offset: 0n, timestamp },
        { ...expected, offset: 1n, timestamp: timestamp + 5n },
      ]);

      const [batch, ...others] = await readBatches(broker.bootstrapServers, topic);
      assert.ok(batch);
      assert.equal(others.length, 0);
      assert.equal(batch.compression, compression);
      assert.equal(batch.records, 2);
      assert.equal(batch.lastOffset, 1n);
      assert.equal(batch.baseSequence, 0);
      assert.ok(batch.producerId >= 0n);
      assert.equal(batch.bytes > 40_000, compression === 'none');
    });
  }

  it('reads from an offset, and waits for records', async () => {
    const topic = 'waiting';
    const reading = readRecords(broker.bootstrapServers, topic, { until: 3 });
    await sleep(200);
    await createTopic(broker.bootstrapServers, { name: topic, partitions: 1 });
    await producer.send({ messages: ['a', 'b'].map((text) => ({ topic, value: Buffer.from(text) })) });
    await producer.send({ messages: [{ topic, value: Buffer.from('c') }] });
    assert.deepEqual((await reading).map(textOf), ['a', 'b', 'c']);
    const rest = await readRecords(broker.bootstrapServers, topic, { from: new Map([[0, 1n]]) });
    assert.deepEqual(rest.map(textOf), ['b', 'c'], 'offset 1 is in the middle of a batch');
    await assert.rejects(
      readRecords(broker.bootstrapServers, topic, { until: 4, timeoutMs: 300 }),
      /Only 3 records of waiting came/,
    );
    assert.deepEqual(await endOffsets(broker.bootstrapServers, topic), new Map([[0, 3n]]));
    assert.deepEqual(await beginningOffsets(broker.bootstrapServers, topic), new Map([[0, 0n]]));
  });

  it('leaves no consumer group behind', async () => {
    const admin = new Admin({ clientId: 'test', bootstrapBrokers: [broker.bootstrapServers] });
    try {
      assert.equal((await admin.listGroups()).size, 0);
    } finally {
      await admin.close();
    }
  });

  it('changes and deletes topics', async () => {
    const topic = 'short';
    await createTopic(broker.bootstrapServers, {
      name: topic,
      partitions: 1,
      configs: { 'max.message.bytes': '100' },
    });
    const send = () => producer.send({ messages: [{ topic, value: Buffer.alloc(1000) }] });
    await assert.rejects(send());
    await setTopicConfig(broker.bootstrapServers, topic, { 'max.message.bytes': null });
    await waitFor(() =>
      send().then(
        () => true,
        () => false,
      ),
    );
    await deleteTopic(broker.bootstrapServers, topic);
    await assert.rejects(readRecords(broker.bootstrapServers, topic), /does not host/);
  });

  it('keeps its data when it is frozen, thawed, killed and started again', async () => {
    broker.freeze();
    await assert.rejects(readRecords(broker.bootstrapServers, 'codec-none', { timeoutMs: 300 }));
    broker.thaw();
    assert.equal((await readRecords(broker.bootstrapServers, 'codec-none')).length, 2);
    const { pid } = broker;
    await broker.kill();
    assert.ok(!broker.running);
    await broker.restart();
    assert.notEqual(broker.pid, pid);
    assert.equal((await readRecords(broker.bootstrapServers, 'codec-none')).length, 2);
  });

  it('gives the reason when it does not start', async () => {
    await assert.rejects(startBroker({ properties: { 'num.partitions': 'many' } }), /Invalid value many/);
    await assert.rejects(startBroker({ port: broker.port }), /Something else listens on port/);
  });

  it('does not outlive its parent, even one that is killed', async () => {
    const program = `const { startBroker } = await import(${JSON.stringify(BROKER)});
      const { pid, folder } = await startBroker();
      console.log(JSON.stringify({ pid, folder }));
      setInterval(() => undefined, 1000);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const output: unknown = (await once(parent.stdout, 'data')).at(0);
    const { pid, folder } = childFrom(JSON.parse(String(output)));
    assert.ok(await isRunning(pid));
    parent.kill('SIGKILL');
    await waitFor(async () => !(await isRunning(pid)));
    await waitFor(() =>
      access(folder).then(
        () => false,
        () => true,
      ),
    );
  });
});

function textOf(record: { value: Buffer | null }): string | undefined {
  return record.value?.toString();
}

function childFrom(line: unknown): { pid: number; folder: string } {
  assert.ok(typeof line === 'object' && line !== null && 'pid' in line && 'folder' in line);
  return { pid: Number(line.pid), folder: String(line.folder) };
}

/** Whether a process runs. A zombie does not. */
async function isRunning(pid: number): Promise<boolean> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'stat=', '-p', String(pid)]).catch(() => ({
    stdout: '',
  }));
  return stdout.trim() !== '' && !stdout.startsWith('Z');
}

async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await condition()) return;
    await sleep(50);
  }
  assert.fail('The condition was not met within 10 s.');
}
