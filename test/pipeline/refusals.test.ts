/** The log lines of refusals: what each says, and how many there are. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Senders } from '../../src/auth/senders.ts';
import { refusal } from '../../src/errors.ts';
import { createLogger, frequentLines, logMembers, type LogSettings } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import type { Arrival } from '../../src/pipeline/arrival.ts';
import { checkEvent } from '../../src/openlineage/check.ts';
import type { JobNames } from '../../src/openlineage/verdict.ts';
import { RequestLines } from '../../src/pipeline/line-limit.ts';
import { Observer } from '../../src/pipeline/observer.ts';
import { version } from '../../src/version.ts';
import { SimulatedTime } from '../support/simulated-time.ts';

const NOT_VALID = refusal('invalid_request', 'Not valid');

/** The proxy's own JSON log in memory, and an observer that writes to it. */
function logged(changed: Partial<LogSettings> = {}) {
  const settings = { enabled: true, level: 'info', preset: 'json', ...changed } as const;
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed === 'object' && parsed !== null) lines.push({ ...parsed });
  };
  const log = createLogger(settings, version, { write });
  const queue = { add: (line: string) => (write(line), true), takeOmitted: () => 0 };
  const accessLog = frequentLines(settings, version, log, queue);
  const time = new SimulatedTime();
  return { lines, log, time, observer: new Observer(createMetrics(), log, accessLog, time) };
}

/** The names of the job that the check finds in an event. */
function jobOfInvalid(event: object | string): JobNames {
  const body = typeof event === 'string' ? event : JSON.stringify(event);
  const verdict = checkEvent(Buffer.from(body), 'core');
  return verdict.errors ? verdict.job : assert.fail('the event is valid');
}

const unlimited = new Senders([]);

let origins = 0;

function arrivalOf(name?: string, path = '/api/v1/lineage'): Arrival {
  const sender = name === undefined ? undefined : ({ way: 'oidc', name } as const);
  const known = sender && { sender, limits: unlimited.limitsOf(sender) };
  const origin = () => {
    origins += 1;
    return { method: 'POST', path, client: '192.0.2.7:1234', userAgent: 'agent\t1' };
  };
  return { requestId: 'id', traceparent: undefined, known, origin };
}

suite('the log line of a refusal', () => {
  test('has the stable members of the table, the job, and no other content of the event', () => {
    const { lines, observer } = logged();
    const event = {
      job: { namespace: 'own', name: `job\n${'x'.repeat(300)}`, facets: 'secret' },
      run: 'secret',
    };
    const arrival = arrivalOf('trino', `/a\u009b${'b'.repeat(300)}`);
    observer.refused(arrival, 'run', NOT_VALID, () => jobOfInvalid(event));
    const [{ time, ...line } = {}, ...others] = lines;
    assert.deepEqual(others, []);
    assert.equal(new Date(String(time)).toISOString(), time);
    assert.deepEqual(line, {
      level: 'warn',
      service: 'http2kafka',
      version,
      request_id: 'id',
      method: 'POST',
      path: `/a\ufffd${'b'.repeat(197)}`,
      client: '192.0.2.7:1234',
      user_agent: 'agent\ufffd1',
      sender: 'trino',
      code: 'invalid_request',
      job_namespace: 'own',
      job_name: `job\ufffd${'x'.repeat(196)}`,
      reason: 'Not valid',
      message: 'event refused',
    });
  });

  test('has no job where the body is not JSON or names none', () => {
    for (const body of [
      '{"job": {"namespace": "own"',
      '[]',
      '{"job":"x"}',
      '{"job":{"namespace":1,"name":{}}}',
    ]) {
      const { lines, observer } = logged();
      observer.refused(arrivalOf(), 'unknown', NOT_VALID, () => jobOfInvalid(body));
      assert.equal(lines.length, 1);
      assert.deepEqual([lines[0]?.['job_namespace'], lines[0]?.['job_name']], [undefined, undefined]);
    }
  });

  test('is written ten times a second for one cause and sender, and a last line has the number of the others', async () => {
    const { lines, observer, time } = logged();
    const arrival = arrivalOf('trino');
    origins = 0;
    for (let i = 0; i < 50_000; i++) observer.refused(arrival, 'unknown', NOT_VALID, () => ({}));
    assert.equal(lines.length, 10);
    await time.advance(1000);
    for (let i = 0; i < 50_000; i++) observer.refused(arrival, 'unknown', NOT_VALID, () => ({}));
    assert.equal(lines.length, 20);
    assert.equal(origins, 20, 'the address is found for written lines only');
    await time.advance(10_000);
    const last = lines.at(-1);
    assert.deepEqual([last?.['code'], last?.['sender']], ['invalid_request', 'trino']);
    const omitted = lines.reduce((sum, line) => sum + Number(line['omitted'] ?? 0), 0);
    assert.equal(omitted + 20, 100_000);
    assert.equal(lines.length, 21);
  });

  test('is written five times for the events of one batch, which are all counted', async () => {
    const { lines, observer, time } = logged();
    const batch = { ...arrivalOf('trino'), lines: new RequestLines() };
    for (let i = 0; i < 1000; i++) observer.refused(batch, 'unknown', NOT_VALID, () => ({}));
    assert.equal(lines.length, 5);
    observer.refused(batch, 'run', refusal('forbidden'));
    observer.refused(arrivalOf('trino'), 'unknown', NOT_VALID);
    assert.equal(lines.length, 7, 'the limit is for one cause and one request');
    observer.batchEnded(batch);
    observer.refused(arrivalOf('trino'), 'unknown', NOT_VALID);
    assert.equal(lines.at(-1)?.['omitted'], 995);
    await time.advance(10_000);
    assert.equal(lines.length, 8);
  });

  test('of one address is not left out because of another address, without known senders', async () => {
    const { lines, observer, time } = logged();
    const from = (address: string | undefined): Arrival => ({
      ...arrivalOf(),
      origin: () => ({ client: `${address}:1`, address }),
    });
    for (let i = 0; i < 1000; i++) observer.refused(from('192.0.2.1'), 'run', NOT_VALID);
    // One client may have all addresses of a network of 64 bits.
    for (let i = 0; i < 1000; i++) observer.refused(from(`2001:db8:1:2::${i}`), 'run', NOT_VALID);
    assert.equal(lines.length, 20);
    for (const address of ['192.0.2.2', '2001:db8:1:3::1', '::1', undefined]) {
      observer.refused(from(address), 'run', NOT_VALID);
    }
    // A sender may have any name.
    observer.refused(arrivalOf('client 192.0.2.1'), 'run', NOT_VALID);
    assert.equal(lines.length, 25);
    await time.advance(10_000);
    const reports = lines.filter(({ message }) => String(message).includes('one by one'));
    assert.deepEqual(
      reports.map(({ client, omitted }) => [client, omitted]),
      [
        ['192.0.2.1', 990],
        ['2001:db8:1:2::', 990],
      ],
    );
  });

  test('of one sender or cause is not left out because of another sender or cause', () => {
    const { lines, observer } = logged();
    for (let i = 0; i < 1000; i++) observer.refused(arrivalOf('loud'), 'run', NOT_VALID);
    const before = lines.length;
    observer.refused(arrivalOf('quiet'), 'run', NOT_VALID);
    observer.refused(arrivalOf(), 'run', NOT_VALID);
    observer.refused(arrivalOf('loud'), 'run', refusal('unavailable'));
    observer.requestRefused(arrivalOf(), refusal('not_found'));
    assert.equal(lines.length, before + 4);
  });

  test('is limited also for dead letters', () => {
    const { lines, observer } = logged();
    for (let i = 0; i < 1000; i++) {
      observer.deadLettered(arrivalOf(), 'run', Buffer.alloc(0), 'malformed', [], {});
    }
    assert.ok(lines.length >= 10 && lines.length < 500, `${lines.length} lines`);
    assert.deepEqual([lines[0]?.['topic'], lines[0]?.['code']], ['malformed', undefined]);
  });

  test('shares a limit with others where there are very many senders', () => {
    const { lines, observer } = logged();
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 1000; i++) observer.refused(arrivalOf(`sender-${i}`), 'run', NOT_VALID);
    }
    assert.ok(lines.length < 10_000, `${lines.length} lines`);
  });

  test('costs nothing where nothing is logged', () => {
    for (const silent of [logged({ enabled: false }), logged({ level: 'error' })]) {
      origins = 0;
      silent.observer.refused(arrivalOf(), 'run', NOT_VALID, () => assert.fail());
      assert.deepEqual([silent.lines, origins], [[], 0]);
    }
  });
});

suite('the JSON log', () => {
  test('names its members in snake case', () => {
    for (const name of Object.keys(logMembers)) assert.match(name, /^[a-z]+(_[a-z]+)*$/);
  });

  test('shows of an error its type, message and stack only', () => {
    const { lines, observer } = logged();
    observer.failed('id', Object.assign(new TypeError('broken'), { password: 'secret' }));
    const [line] = lines;
    assert.deepEqual([line?.['level'], line?.['request_id']], ['error', 'id']);
    const error = line?.['error'];
    assert.ok(typeof error === 'object' && error !== null);
    assert.deepEqual(Object.keys(error), ['type', 'message', 'stack']);
  });

  test('has the access log as members', () => {
    const { lines, observer } = logged();
    const access = {
      ...arrivalOf('trino'),
      httpVersion: '1.1',
      durationMs: 1.23456,
      bytes: 7,
    };
    observer.answered('/api/v1/lineage', 'POST', 201, access);
    const [{ time, ...line } = {}] = lines;
    assert.equal(typeof time, 'string');
    assert.deepEqual(line, {
      level: 'info',
      service: 'http2kafka',
      version,
      request_id: 'id',
      method: 'POST',
      path: '/api/v1/lineage',
      status: 201,
      duration_ms: 1.235,
      bytes: 7,
      sender: 'trino',
      client: '192.0.2.7:1234',
      message: 'request answered',
    });
  });

  test('shows no query in the access log of people', () => {
    const texts: string[] = [];
    const accessLog = {
      form: 'text',
      text: (line: string) => texts.push(line),
      members: () => assert.fail(),
    } as const;
    const access = { ...arrivalOf('trino', '/api\n/x'), httpVersion: '1.1', durationMs: 1, bytes: 7 };
    new Observer(createMetrics(), logged().log, accessLog).answered('other', 'GET', 404, access);
    assert.deepEqual(texts, ['192.0.2.7:1234 - trino "GET /api\ufffd/x HTTP/1.1" 404']);
  });
});
