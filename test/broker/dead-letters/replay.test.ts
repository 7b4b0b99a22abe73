/** `http2kafka dead-letters replay`, on a real Kafka. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite, test } from 'node:test';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { ClusterAccess } from '../../../src/kafka/cluster/cluster-access.ts';
import { TopicReader } from '../../../src/kafka/reading/topic-reader.ts';
import type { TopicRecord } from '../../../src/kafka/reading/topic-record.ts';
import { systemTime } from '../../../src/support/time.ts';
import { createTopic } from '../../../tools/kafka/topics.ts';
import { ranProgram, root } from '../../config/child.ts';
import { NO_SECURITY } from '../../kafka/login/no-security.ts';
import { incompressible, runEvent } from '../../stage/sample-events.ts';
import { useStage } from '../../stage/stage.ts';
import { invalidHeaders, refusedHeaders, writeLetters, type WrittenLetter } from './letters.ts';

const Line = Type.Object({
  id: Type.String(),
  outcome: Type.String(),
  topics: Type.Optional(Type.Array(Type.String())),
  reason: Type.Optional(Type.String()),
});
const Summary = Type.Object({
  summary: Type.Object({
    sent: Type.Integer(),
    wrong: Type.Integer(),
    others: Type.Integer(),
    stopped: Type.Boolean(),
  }),
});

const EVENT_TIME = Date.parse('2026-11-22T10:15:30.123Z');
const WRONG = invalidHeaders('body.run.runId: Field required', 'missing', 'alice');

/** Valid at the level `routing` only. */
const wrongEvent = (job: string) => runEvent(job, { inputs: 'none' });

void suite('http2kafka dead-letters replay', { timeout: 400_000 }, () => {
  const stage = useStage({ properties: { 'auto.create.topics.enable': 'false' } });
  let number = 0;

  /** New topics: that of the letters, and the main topic. */
  async function topics(partitions: number, configs: Readonly<Record<string, string>> = {}) {
    number += 1;
    const [letters, main] = [`letters${number}`, `main${number}`];
    const { bootstrapServers } = stage.broker;
    await createTopic(bootstrapServers, { name: letters, partitions });
    await createTopic(bootstrapServers, { name: main, partitions: 3, configs });
    await createTopic(bootstrapServers, { name: `${main}.copies`, partitions: 2 });
    return { letters, main };
  }

  const environment = (main: string) => ({
    HTTP2KAFKA__KAFKA__BOOTSTRAP_SERVERS: stage.broker.bootstrapServers,
    HTTP2KAFKA__PRODUCER__MAIN_TOPIC: main,
    HTTP2KAFKA__ROUTING__RULES: JSON.stringify([
      { name: 'both', when: { name: 'both *' }, topics: [main, `${main}.copies`] },
    ]),
  });
  const argumentsOf = (letters: string, args: readonly string[]) => [
    'dead-letters',
    'replay',
    ...['--topic', letters, '--json', ...args],
  ];

  async function replayed({ letters, main }: { letters: string; main: string }, ...args: readonly string[]) {
    const { status, stdout, stderr } = await ranProgram(argumentsOf(letters, args), environment(main));
    const lines = stdout.split('\n').filter((line) => line !== '');
    const last = lines.pop() ?? assert.fail(stderr);
    return {
      ...{ status, stderr, last },
      lines: lines.map((line) => Value.Parse(Line, JSON.parse(line))),
    };
  }
  const countsOf = ({ last }: { last: string }) => {
    const { sent, wrong, others, stopped } = Value.Parse(Summary, JSON.parse(last)).summary;
    return [sent, wrong, others, stopped] as const;
  };

  /** What a reader of committed data sees. */
  async function committed(topic: string): Promise<TopicRecord[]> {
    const access = new ClusterAccess(
      {
        bootstrapServers: [stage.broker.bootstrapServers],
        ...{ clientId: 'test', connectTimeoutMs: 5000, requestTimeoutMs: 20_000, patienceMs: 30_000 },
        security: NO_SECURITY,
      },
      systemTime,
    );
    const reader = new TopicReader(access, topic);
    const ranges = (await reader.ranges()) ?? assert.fail();
    for (const { end, written } of ranges) assert.equal(end, written, 'a transaction is open');
    const records: TopicRecord[] = [];
    const all = ranges.map(({ partition, start, end }) => ({ partition, from: start, end }));
    for await (const record of reader.read(all)) records.push(record);
    await access.close();
    return records;
  }
  const valuesOf = async (topic: string) =>
    (await committed(topic)).map(({ value }) => value?.toString() ?? '').sort();

  test('sends what is right now to its topic, once, and keeps what is wrong for a later replay', async () => {
    const place = await topics(1);
    const { bootstrapServers } = stage.broker;
    const own = `${place.main}.own`;
    await createTopic(bootstrapServers, { name: own, partitions: 1 });
    const now = Date.now();
    const letters: WrittenLetter[] = [
      { value: wrongEvent('a'), headers: WRONG, time: now },
      { value: runEvent('b'), headers: WRONG, time: now },
      { value: runEvent('c'), key: 'my key', headers: refusedHeaders(own, 'INVALID_RECORD'), time: now },
      { value: runEvent('d'), headers: refusedHeaders('absent', 'INVALID_RECORD'), time: now },
      { value: runEvent('e'), key: 'run:x/y', headers: [['reply_to', 'z']], time: EVENT_TIME },
    ];
    await writeLetters(bootstrapServers, place.letters, letters);
    await writeLetters(
      bootstrapServers,
      place.letters,
      [{ value: runEvent('f'), headers: WRONG }],
      'aborted',
    );

    const dry = await replayed(place, '--dry-run');
    assert.deepEqual([dry.status, countsOf(dry)], [1, [2, 2, 1, false]]);
    assert.deepEqual(await valuesOf(place.main), []);

    const first = await replayed(place);
    assert.deepEqual([first.status, countsOf(first)], [1, [2, 2, 1, false]]);
    assert.deepEqual(
      first.lines.map(({ id, outcome, topics: to, reason }) => [id, outcome, to?.join() ?? reason]),
      [
        ['0/0', 'wrong', 'body.inputs: Input should be a valid array'],
        ['0/3', 'wrong', 'the topic absent is not there'],
        ['0/1', 'sent', place.main],
        ['0/2', 'sent', own],
      ],
    );
    const [b, ...rest] = await committed(place.main);
    assert.equal(rest.length, 0);
    assert.equal(b?.value?.toString(), runEvent('b').toString());
    assert.deepEqual([b.key?.toString(), b.timestamp], ['run:test/b', EVENT_TIME]);
    assert.deepEqual(
      b.headers.map(({ name, value }) => [name.toString(), value.toString()]),
      WRONG.slice(0, 3),
    );
    const [c] = await committed(own);
    assert.deepEqual([c?.key?.toString(), c?.timestamp], ['my key', EVENT_TIME]);
    assert.deepEqual(
      c?.headers.map(({ name }) => name.toString()),
      ['content-type'],
    );

    const again = await replayed(place);
    assert.deepEqual([again.status, countsOf(again)], [1, [0, 2, 1, false]]);
    // After a change of the level, what was wrong is found again, and nothing else is sent.
    const routing = await replayed(place, '--level', 'routing');
    assert.deepEqual([routing.status, countsOf(routing)], [1, [1, 1, 1, false]]);
    const foreign = await replayed(place, '--foreign', '--reason', 'foreign');
    assert.deepEqual([foreign.status, countsOf(foreign)], [0, [1, 0, 1, false]]);
    const e = (await committed(place.main)).find(({ key }) => key?.toString() === 'run:x/y');
    assert.deepEqual(e?.headers, []);
    assert.deepEqual(
      await valuesOf(place.main),
      [wrongEvent('a'), runEvent('b'), runEvent('e')].map(String).sort(),
    );
  });

  test('sends what a topic takes in another way, and all others of the batch', async () => {
    const place = await topics(1, {
      'max.message.bytes': '200000',
      'message.timestamp.before.max.ms': '3600000',
    });
    const letters = [
      { value: runEvent('small', { eventTime: new Date().toISOString() }), headers: WRONG },
      { value: incompressible('large', 300_000), headers: WRONG },
      { value: runEvent('old'), headers: WRONG },
      { value: runEvent('last', { eventTime: new Date().toISOString() }), headers: WRONG },
    ];
    await writeLetters(stage.broker.bootstrapServers, place.letters, letters);
    const result = await replayed(place);
    assert.deepEqual(countsOf(result), [3, 1, 0, false]);
    const wrong = result.lines.find(({ outcome }) => outcome === 'wrong');
    assert.deepEqual([wrong?.id, /does not take it: \w+_TOO_LARGE/.test(wrong?.reason ?? '')], ['0/1', true]);
    assert.equal((await committed(place.main)).length, 3);
  });

  /** Letters of three partitions; every seventh is still wrong, and every second one belongs to two topics. */
  function manyLetters(count: number): WrittenLetter[] {
    return Array.from({ length: count }, (_, n) => ({
      value: n % 7 === 0 ? wrongEvent(`job ${n}`) : runEvent(n % 2 === 0 ? `both ${n}` : `job ${n}`),
      partition: n % 3,
      headers: WRONG,
      time: Date.now() - count + n,
    }));
  }
  const rightOf = (letters: readonly WrittenLetter[]) =>
    letters
      .filter((_, n) => n % 7 !== 0)
      .map(({ value }) => value.toString())
      .sort();

  /** Each right letter is in each of its topics once. */
  async function assertOnce({ main }: { main: string }, letters: readonly WrittenLetter[]): Promise<void> {
    const right = rightOf(letters);
    assert.deepEqual(await valuesOf(main), right);
    const copied = right.filter((event) => event.includes('"both '));
    assert.ok(copied.length > 0);
    assert.deepEqual(await valuesOf(`${main}.copies`), copied);
  }

  function started(place: { letters: string; main: string }): ChildProcess {
    const args = ['--', 'src/main.ts', ...argumentsOf(place.letters, [])];
    return spawn(process.execPath, args, {
      cwd: root,
      env: { PATH: process.env['PATH'], ...environment(place.main) },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  }

  test('that is killed again and again sends nothing twice, and everything in the end', async () => {
    const place = await topics(3);
    const letters = manyLetters(6000);
    await writeLetters(stage.broker.bootstrapServers, place.letters, letters);
    let kills = 0;
    for (let round = 0; round < 6; round += 1) {
      const child = started(place);
      const ended = once(child, 'exit');
      assert.ok(child.stdout);
      let sent = 0;
      const limit = Math.random() * 1500;
      for await (const line of createInterface(child.stdout)) {
        if (line.includes('"sent"') && (sent += 1) > limit) break;
      }
      // A batch takes some milliseconds: the kill comes in any of its steps.
      await sleep(Math.random() * 60);
      child.kill('SIGKILL');
      await ended;
      if (child.signalCode === 'SIGKILL') kills += 1;
    }
    const last = await replayed(place);
    assert.ok(kills > 0);
    await assertOnce(place, letters);
    assert.equal(countsOf(last)[1], letters.length - rightOf(letters).length);
  });

  test('goes on when the broker is killed and comes back, and nothing is sent twice', async () => {
    const place = await topics(3);
    const letters = manyLetters(4000);
    await writeLetters(stage.broker.bootstrapServers, place.letters, letters);
    const child = started(place);
    const ended = once(child, 'exit');
    assert.ok(child.stdout);
    let broken: Promise<void> | undefined;
    let sent = 0;
    for await (const line of createInterface(child.stdout)) {
      if (!line.includes('"outcome":"sent"') || (sent += 1) < 1000) continue;
      broken ??= stage.broker.kill().then(() => stage.broker.restart());
    }
    await ended;
    await broken;
    assert.deepEqual([child.exitCode, sent], [1, rightOf(letters).length]);
    await assertOnce(place, letters);
  });

  test('that a second one takes over ends with one sentence, and nothing is sent twice', async () => {
    const place = await topics(3);
    const letters = manyLetters(6000);
    await writeLetters(stage.broker.bootstrapServers, place.letters, letters);
    const [one, other] = await Promise.all([replayed(place), replayed(place)]);
    const fenced = [one, other].filter(({ stderr }) => stderr.includes('Another replay of the group'));
    for (const { status, last } of fenced) {
      assert.equal(status, 1);
      assert.match(last, /^\{"error":"Another replay of the group http2kafka-dead-letters has begun/);
    }
    if (fenced.length === 2) await replayed(place);
    await assertOnce(place, letters);
  });

  test('finishes its batch after Ctrl-C, and goes on behind it', async () => {
    const place = await topics(3);
    const letters = manyLetters(6000);
    await writeLetters(stage.broker.bootstrapServers, place.letters, letters);
    const child = started(place);
    const ended = once(child, 'exit');
    assert.ok(child.stdout);
    let last = '';
    for await (const line of createInterface(child.stdout)) {
      if (last === '') child.kill('SIGINT');
      last = line;
    }
    await ended;
    const [sent, , , stopped] = countsOf({ last });
    assert.deepEqual([child.exitCode, stopped], [1, true]);
    assert.equal((await committed(place.main)).length, sent);
    await replayed(place);
    await assertOnce(place, letters);
  });

  test('says that the brokers may have forgotten an earlier replay of old letters', async () => {
    const place = await topics(1);
    const old = Date.now() - 8 * 86_400_000;
    await writeLetters(stage.broker.bootstrapServers, place.letters, [
      { value: runEvent('old'), headers: WRONG, time: old },
      { value: runEvent('new'), headers: WRONG },
    ]);
    const refused = await replayed(place);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /has no progress, and letters\d+ has letters from .* --from-beginning/);
    const recent = await replayed(place, '--since', '1d');
    assert.deepEqual([recent.status, countsOf(recent)], [0, [1, 0, 0, false]]);
    const all = await replayed(place);
    assert.deepEqual([all.status, countsOf(all)], [0, [1, 0, 0, false]]);
  });
});
