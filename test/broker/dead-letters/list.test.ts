/** `http2kafka dead-letters list` and `show`, on a real dead-letter topic. */
import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { createTopic } from '../../../tools/kafka/topics.ts';
import { ranProgram } from '../../config/child.ts';
import { deadLettered } from '../../stage/posting.ts';
import { runEvent } from '../../stage/sample-events.ts';
import { useStage } from '../../stage/stage.ts';
import { invalidHeaders, refusedHeaders, writeLetters } from './letters.ts';

const TOPIC = 'input.runs__malformed';

const Listed = Type.Object({
  id: Type.String(),
  partition: Type.Integer(),
  offset: Type.Integer(),
  time: Type.String(),
  kind: Type.String(),
  reason: Type.String(),
  codes: Type.Array(Type.String()),
  topic: Type.Union([Type.String(), Type.Null()]),
  sender: Type.Union([Type.String(), Type.Null()]),
  request_id: Type.Union([Type.String(), Type.Null()]),
  job: Type.Object({
    namespace: Type.Union([Type.String(), Type.Null()]),
    name: Type.Union([Type.String(), Type.Null()]),
  }),
  bytes: Type.Integer(),
});
const Shown = Type.Object({
  key: Type.Union([Type.String(), Type.Null()]),
  headers: Type.Array(Type.Tuple([Type.String(), Type.String()])),
  errors: Type.Array(Type.Object({ code: Type.String(), message: Type.String() })),
  event: Type.Optional(Type.String()),
  event_base64: Type.Optional(Type.String()),
});

const HOUR = 3_600_000;
const NOW = Date.now();

/** Of three partitions, in the order of their times. */
const LETTERS = [
  {
    value: runEvent('first', { run: {} }),
    partition: 2,
    time: NOW - 5 * HOUR,
    headers: invalidHeaders('body.run.runId: Field required', 'missing', 'alice'),
  },
  {
    value: runEvent('large'),
    partition: 0,
    key: 'run:test/large',
    time: NOW - 4 * HOUR,
    headers: refusedHeaders('other', 'needs 900 bytes even compressed, where the topic takes 500'),
  },
  {
    value: runEvent('odd'),
    partition: 0,
    key: 'run:test/odd',
    time: NOW - 3 * HOUR,
    headers: refusedHeaders('other', 'INVALID_RECORD'),
  },
  // As Data.Rentgen's consumer writes it.
  {
    value: runEvent('consumed'),
    partition: 1,
    key: 'run:test/consumed',
    time: NOW - 2 * HOUR,
    headers: [
      ['content-type', 'application/json'],
      ['correlation_id', '0199'],
      ['reported-by-user-name', 'bob'],
      ['reply_to', '12-1764400000000'],
    ] as const,
  },
  { value: Buffer.from([0xff, 0x00]), partition: 1, time: NOW - HOUR },
];

void suite('http2kafka dead-letters', { timeout: 240_000 }, () => {
  const stage = useStage({ properties: { 'auto.create.topics.enable': 'false' } });

  before(async () => {
    await createTopic(stage.broker.bootstrapServers, { name: TOPIC, partitions: 3 });
    await writeLetters(stage.broker.bootstrapServers, TOPIC, LETTERS);
  });

  const run = (...args: readonly string[]) =>
    ranProgram(['dead-letters', ...args], {
      HTTP2KAFKA__KAFKA__BOOTSTRAP_SERVERS: stage.broker.bootstrapServers,
    });
  async function listed(...args: readonly string[]) {
    const { status, stdout, stderr } = await run('list', '--json', ...args);
    assert.equal(status, 0, stderr);
    const lines = stdout.split('\n').filter((line) => line !== '');
    return { stderr, letters: lines.map((line) => Value.Parse(Listed, JSON.parse(line))) };
  }
  const idsOf = async (...args: readonly string[]) => (await listed(...args)).letters.map(({ id }) => id);

  test('lists the letters of all partitions by their times, with what their headers and events say', async () => {
    const { letters, stderr } = await listed();
    assert.equal(stderr, '');
    assert.deepEqual(
      letters.map(({ id, kind, codes, topic, sender, job }) => [
        id,
        kind,
        codes.join(),
        topic,
        sender,
        job.name,
      ]),
      [
        ['2/0', 'invalid', 'missing', null, 'alice', 'first'],
        ['0/0', 'refused', 'too-large', 'other', null, 'large'],
        ['0/1', 'refused', 'INVALID_RECORD', 'other', null, 'odd'],
        ['1/0', 'foreign', 'foreign', null, 'bob', 'consumed'],
        ['1/1', 'foreign', 'foreign', null, null, null],
      ],
    );
    assert.equal(letters[0]?.time, new Date(NOW - 5 * HOUR).toISOString());
    assert.equal(letters[0].reason, 'body.run.runId: Field required');
    const table = await run();
    assert.equal(table.status, 0);
    assert.match(table.stdout, /^id +time +kind +sender +job +reason\n2\/0 .* alice +test\/first +body\.run/);
  });

  test('filters by time, reason, sender and job', async () => {
    assert.deepEqual(await idsOf('--since', '210m'), ['0/1', '1/0', '1/1']);
    assert.deepEqual(await idsOf('--until', new Date(NOW - 4 * HOUR).toISOString()), ['2/0']);
    assert.deepEqual(await idsOf('--since', new Date(NOW - 4 * HOUR).toISOString(), '--until', '150m'), [
      '0/0',
      '0/1',
    ]);
    assert.deepEqual(await idsOf('--since', '1m'), []);
    assert.deepEqual(await idsOf('--reason', 'too-large'), ['0/0']);
    assert.deepEqual(await idsOf('--reason', 'runid*required'), ['2/0']);
    assert.deepEqual(await idsOf('--reason', 'foreign'), ['1/0', '1/1']);
    assert.deepEqual(await idsOf('--sender', 'a*'), ['2/0']);
    assert.deepEqual(await idsOf('--job', 'test/*d'), ['0/1', '1/0']);
    const cut = await listed('--limit', '2');
    assert.equal(cut.letters.length, 2);
    assert.match(cut.stderr, /There are more/);
  });

  test('shows a letter whole', async () => {
    const { status, stdout } = await run('show', '2/0', '1/1', '--json');
    assert.equal(status, 0);
    const [first, bytes] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => Value.Parse(Shown, JSON.parse(line)));
    assert.equal(first?.event, runEvent('first', { run: {} }).toString());
    assert.equal(first.key, null);
    assert.deepEqual(first.headers, LETTERS[0]?.headers);
    assert.deepEqual(
      first.errors.map(({ code, message }) => [code, message]),
      [['missing', 'Field required']],
    );
    assert.deepEqual([bytes?.event_base64, bytes?.event], ['/wA=', undefined]);
    const text = await run('show', '2/0');
    assert.match(text.stdout, /validation errors:\n {2}body\.run\.runId: Field required \(missing\)/);
    assert.match(text.stdout, /"name": "first"/);
  });

  test('says what is wrong, in words and in JSON', async () => {
    const none = await run('show', '2/7', '--json');
    assert.equal(none.status, 1);
    assert.match(none.stderr, /There is no letter 2\/7 in input\.runs__malformed/);
    assert.deepEqual(JSON.parse(none.stdout), { error: none.stderr.trimEnd() });
    assert.equal((await run('show', 'x')).status, 2);
    assert.equal((await run('list', '--since', 'yesterday')).status, 2);
    assert.equal((await run('list', '--limit', '-1')).status, 2);
    const absent = await run('list', '--topic', 'absent', '--json');
    assert.deepEqual(
      [absent.status, JSON.parse(absent.stdout)],
      [1, { error: 'There is no topic absent. Another one: --topic.' }],
    );
    const unconfigured = await ranProgram(['dead-letters', 'list'], {});
    assert.equal(unconfigured.status, 1);
    assert.match(unconfigured.stderr, /No Kafka is configured/);
  });

  test('reads what is committed only, and says that a transaction is open', async () => {
    const name = 'transactions';
    await createTopic(stage.broker.bootstrapServers, { name, partitions: 1 });
    const { bootstrapServers } = stage.broker;
    const letter = (job: string) => ({ value: runEvent(job), headers: invalidHeaders('body: wrong', 'x') });
    await writeLetters(bootstrapServers, name, [letter('aborted')], 'aborted');
    await writeLetters(bootstrapServers, name, [letter('one'), letter('two')], 'committed');
    await writeLetters(bootstrapServers, name, [letter('aborted')], 'aborted');
    await writeLetters(bootstrapServers, name, [letter('plain')]);
    const end = await writeLetters(bootstrapServers, name, [letter('open')], 'open');
    const during = await listed('--topic', name);
    assert.deepEqual(
      during.letters.map(({ job }) => job.name),
      ['one', 'two', 'plain'],
    );
    assert.match(during.stderr, /Partition 0 has an open transaction/);
    await end();
    const later = await listed('--topic', name);
    assert.deepEqual([later.letters.at(-1)?.job.name, later.stderr], ['open', '']);
  });

  test('lists what the proxy writes', async () => {
    const malformed = 'proxy__malformed';
    await createTopic(stage.broker.bootstrapServers, { name: malformed, partitions: 1 });
    const proxy = await stage.proxyWithTopic(
      { name: 'proxy', partitions: 1 },
      { CHECK__INVALID: 'dead-letter', PRODUCER__MALFORMED_TOPIC: malformed },
    );
    deadLettered(await proxy.post(runEvent('wrong', { eventTime: 'never' })));
    const { letters } = await listed('--topic', malformed);
    const [{ codes, job, kind } = {}] = letters;
    assert.deepEqual(
      [kind, codes, job],
      ['invalid', ['datetime_from_date_parsing'], { namespace: 'test', name: 'wrong' }],
    );
  });
});
