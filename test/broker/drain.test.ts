import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { temporaryFolder } from '../../tools/kafka/folders.ts';
import { createTopic } from '../../tools/kafka/topics.ts';
import { ranProgram } from '../config/child.ts';
import { post, spooled } from '../stage/posting.ts';
import { runEvent } from '../stage/sample-events.ts';
import { NOWHERE, useStage } from '../stage/stage.ts';

const Drained = Type.Object({
  delivered: Type.Integer(),
  left: Type.Integer(),
  parked: Type.Integer(),
  problems: Type.Array(Type.String()),
});

const Failed = Type.Object({ error: Type.String() });

void suite('http2kafka spool drain', { timeout: 240_000 }, () => {
  const stage = useStage({ properties: { 'auto.create.topics.enable': 'false' } });

  /** Runs the command. Returns its exit code and its result or error. */
  async function drained(folder: string, bootstrapServers: string, args: readonly string[] = []) {
    const { status, stdout } = await ranProgram(['spool', 'drain', '--folder', folder, '--json', ...args], {
      HTTP2KAFKA__KAFKA__BOOTSTRAP_SERVERS: bootstrapServers,
    });
    const printed: unknown = stdout === '' ? undefined : JSON.parse(stdout);
    const result = Value.Check(Drained, printed) ? printed : undefined;
    const error = Value.Check(Failed, printed) ? printed.error : '';
    return { status, result, error };
  }

  test('delivers what a proxy has left, in order and only once, and leaves nothing', async () => {
    const folder = temporaryFolder('http2kafka-drain-');
    const topic = 'drained';
    const { bootstrapServers } = stage.broker;
    const proxy = await stage.launch({
      settings: { ...NOWHERE, SPOOL__PATH: folder, PRODUCER__MAIN_TOPIC: topic },
    });
    const bodies = Array.from({ length: 30 }, (_, n) => runEvent('job', { n }));
    for (const body of bodies) spooled(await post(proxy, body));

    const used = await drained(folder, bootstrapServers);
    assert.equal(used.status, 1);
    assert.match(used.error, /another http2kafka is using it/);
    await proxy.stop();

    const without = await drained(folder, bootstrapServers, ['--timeout', '2']);
    assert.equal(without.status, 1);
    assert.deepEqual([without.result?.delivered, without.result?.left], [0, 30]);
    assert.match(without.result?.problems.join() ?? '', /^drained: .*topic/);

    await createTopic(bootstrapServers, { name: topic, partitions: 1 });
    const { status, result } = await drained(folder, bootstrapServers);
    assert.deepEqual([status, result], [0, { delivered: 30, left: 0, parked: 0, problems: [] }]);
    const records = await stage.records(topic);
    assert.deepEqual(
      records.map(({ value }) => value?.toString()),
      bodies.map(String),
    );
    const again = await drained(folder, bootstrapServers);
    assert.deepEqual([again.status, again.result?.delivered], [0, 0]);
    rmSync(folder, { recursive: true });
  });

  test('finds in Kafka what spool import has handed to a running proxy: same key, headers and time', async () => {
    const [left, folder] = [temporaryFolder('http2kafka-left-'), temporaryFolder('http2kafka-import-')];
    const topic = { name: 'imported', partitions: 1 };
    const without = await stage.launch({
      settings: { ...NOWHERE, SPOOL__PATH: left, PRODUCER__MAIN_TOPIC: topic.name },
    });
    const bodies = Array.from({ length: 5 }, (_, n) => runEvent('job', { n }));
    for (const body of bodies) spooled(await post(without, body));
    await without.stop();
    const { stdout } = await ranProgram(['spool', 'export', '--spool-path', left]);
    writeFileSync(join(left, 'lines'), stdout);
    const proxy = await stage.proxyWithTopic(topic, { SPOOL__PATH: folder });
    const { status, stdout: result } = await ranProgram([
      ...['spool', 'import', join(left, 'lines'), '--folder', folder, '--json'],
    ]);
    assert.equal(status, 0);
    assert.match(result, /^\{"kafka":5,"spool":0,/);
    const records = await stage.records(topic.name);
    assert.deepEqual(
      records.map(({ value, key, timestamp, headers }) => [
        ...[value?.toString(), key?.toString(), Number(timestamp)],
        headers.map(([name]) => name),
      ]),
      bodies.map((body) => [
        ...[body.toString(), 'run:test/job', Date.parse('2026-11-22T10:15:30.123Z')],
        ['content-type', 'correlation_id'],
      ]),
    );
    await proxy.stop();
    for (const path of [left, folder]) rmSync(path, { recursive: true });
  });

  test('says what is wrong with the folder, the settings and the arguments', async () => {
    const { bootstrapServers } = stage.broker;
    const absent = await drained('/nowhere/spool', bootstrapServers);
    assert.equal(absent.status, 1);
    assert.match(absent.error, /There is no spool in \/nowhere\/spool/);
    const unconfigured = await drained('/nowhere/spool', '');
    assert.equal(unconfigured.status, 1);
    assert.match(unconfigured.error, /No Kafka is configured/);
    const wrong = await drained('/nowhere/spool', bootstrapServers, ['--timeout', '0']);
    assert.equal(wrong.status, 2);
  });
});
