import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import type { ReadRecord } from '../../tools/kafka/records.ts';
import { runEvent } from '../openlineage/events.ts';
import { created, deadLettered } from '../stage/posting.ts';
import { useStage } from '../stage/stage.ts';
import type { StagedProxy } from '../stage/staged-proxy.ts';
import { until } from '../stage/until.ts';

const MALFORMED = 'input.runs__malformed';

suite('an event', { timeout: 60_000 }, () => {
  const stage = useStage();
  let proxy: StagedProxy;
  let routing: StagedProxy;
  before(async () => {
    [proxy, routing] = await Promise.all([
      stage.proxyWithTopic({ name: 'input.runs' }, { CHECK__INVALID: 'dead-letter' }),
      stage.proxyWithTopic({ name: 'routed', partitions: 1 }, { CHECK__LEVEL: 'routing' }),
    ]);
  });

  /** The dead letter with these bytes. It arrives late when the topic has to be created first: the event waits on disk. */
  async function deadLetter(body: Buffer | string): Promise<ReadRecord> {
    const bytes = Buffer.from(body);
    const mine = await until(
      async () => (await proxy.recordsIfAny(MALFORMED)).filter(({ value }) => value?.equals(bytes)),
      ({ length }) => length > 0,
    );
    assert.equal(mine.length, 1);
    return mine[0] ?? assert.fail();
  }

  const cases: readonly (readonly [what: string, body: Buffer, reason: string, code: string])[] = [
    [
      'is no JSON',
      Buffer.from('{"a": nope}\n'),
      'body: Invalid JSON: a value is expected (line 1, column 7)',
      'json_invalid',
    ],
    ['is not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'body: The body is not UTF-8', 'json_invalid'],
    ['has nothing', Buffer.alloc(0), 'body: The body is empty', 'json_invalid'],
    [
      'has a wrong run id',
      Buffer.from(` ${JSON.stringify(runEvent({ run: { runId: 'secret' } }))}`),
      'body.run.runId: Input should be a valid UUID',
      'uuid_parsing',
    ],
  ];
  for (const [what, body, reason, code] of cases) {
    test(`that ${what} goes to the dead-letter topic, which need not exist before`, async () => {
      const answer = await proxy.post(body, { headers: { 'x-request-id': 'the-request' } });
      deadLettered(answer);
      const record = await deadLetter(body);
      const headers = record.headers.map(([name, value]) => [name, value.toString()]);
      const details: unknown = JSON.parse(headers.pop()?.[1] ?? '');
      assert.equal(record.headers.at(-1)?.[0], 'dead-letter-details');
      assert.deepEqual(headers, [
        ['content-type', 'application/json'],
        ['correlation_id', 'the-request'],
        ['dead-letter-reason', reason],
      ]);
      const [place = '', ...message] = reason.split(': ');
      assert.deepEqual(details, [{ location: place.split('.'), message: message.join(': '), code }]);
    });
  }

  test('with many validation errors has twenty of them in its headers', async () => {
    const inputs = Array.from({ length: 30 }, () => 0);
    const body = JSON.stringify(runEvent({ inputs }));
    deadLettered(await proxy.post(body));
    const record = await deadLetter(body);
    const headers = new Map(record.headers.map(([name, value]) => [name, value.toString()]));
    assert.ok(headers.get('dead-letter-reason')?.endsWith('; and 25 more'));
    const details: unknown = JSON.parse(headers.get('dead-letter-details') ?? '');
    assert.ok(Array.isArray(details));
    assert.equal(details.length, 20);
  });

  test('with long names has small headers', async () => {
    const facets = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`${i}`.padEnd(50_000, 'x'), i]));
    const body = JSON.stringify(runEvent({ run: { facets } }));
    deadLettered(await proxy.post(body));
    const record = await deadLetter(body);
    const sizes = record.headers.map(([, value]) => value.length);
    assert.ok(Math.max(...sizes) < 20_000, String(sizes));
  });

  test('that the check refuses is not written to the main topic, where good events are', async () => {
    const good = JSON.stringify(runEvent());
    created(await proxy.post(good));
    assert.deepEqual(
      (await proxy.records()).map(({ value }) => value?.toString()),
      [good],
    );
  });
  test('at level routing is taken when it has a time and a key, despite other errors', async () => {
    const sloppy =
      '{"eventTime":"2025-11-22T10:15:30","job":{"namespace":"a","name":"b"},"run":7,"inputs":"x"}';
    created(await routing.post(sloppy));
    const record = await routing.lastRecord();
    assert.deepEqual(
      [record.value?.toString(), record.key?.toString(), Number(record.timestamp)],
      [sloppy, 'run:a/b', 1_763_806_530_000],
    );
  });

  for (const [what, body, field] of [
    ['a time', '{"job":{"namespace":"a","name":"b"}}', 'eventTime'],
    ['a name', '{"eventTime":"2025-11-22T10:15:30Z","job":{"namespace":"a"}}', 'name'],
    ['a job or dataset', '{"eventTime":"2025-11-22T10:15:30Z"}', 'job'],
  ] as const) {
    test(`at level routing is refused without ${what}`, async () => {
      const answer = await routing.post(body);
      assert.equal(answer.status, 422);
      assert.match(answer.text, new RegExp(`"${field}"\\],"message":"Field required","code":"missing"`));
    });
  }
});
