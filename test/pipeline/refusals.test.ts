/** The log lines of refusals: what each says, and how many there are. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Senders } from '../../src/auth/senders.ts';
import { refusal } from '../../src/errors.ts';
import { createLogger, logMembers, type LogSettings } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import type { Arrival } from '../../src/pipeline/arrival.ts';
import { Observer } from '../../src/pipeline/observer.ts';
import { version } from '../../src/version.ts';

const NOT_VALID = refusal('invalid_request', 'Not valid');

/** The proxy's own JSON log in memory, and an observer that writes to it. */
function logged(settings: Partial<LogSettings> = {}) {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string) => {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed === 'object' && parsed !== null) lines.push({ ...parsed });
  };
  const log = createLogger({ enabled: true, level: 'info', preset: 'json', ...settings }, version, { write });
  return { lines, log, observer: new Observer(createMetrics(), log, 'members') };
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
    const bytes = Buffer.from(JSON.stringify(event));
    observer.refused(arrivalOf('trino', `/a\u009b${'b'.repeat(300)}`), 'run', NOT_VALID, bytes);
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
      observer.refused(arrivalOf(), 'unknown', NOT_VALID, Buffer.from(body));
      assert.equal(lines.length, 1);
      assert.deepEqual([lines[0]?.['job_namespace'], lines[0]?.['job_name']], [undefined, undefined]);
    }
  });

  test('is written a few times only for a batch of 50,000, and a last line has the number of the others', (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const { lines, observer } = logged();
    const arrival = arrivalOf('trino');
    const bytes = Buffer.from('{}');
    origins = 0;
    for (let i = 0; i < 50_000; i++) observer.refused(arrival, 'unknown', NOT_VALID, bytes);
    const written = lines.length;
    assert.ok(written >= 10 && written < 500, `${written} lines`);
    assert.equal(origins, written, 'the address is found for written lines only');
    context.mock.timers.tick(10_000);
    const last = lines.at(-1);
    assert.deepEqual([last?.['code'], last?.['sender']], ['invalid_request', 'trino']);
    const omitted = lines.reduce((sum, line) => sum + Number(line['omitted'] ?? 0), 0);
    assert.equal(omitted + written, 50_000);
    assert.equal(lines.length, written + 1);
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
    for (let i = 0; i < 1000; i++)
      observer.deadLettered(arrivalOf(), 'run', 'malformed', [], Buffer.from('{}'));
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
      silent.observer.refused(arrivalOf(), 'run', NOT_VALID, Buffer.from('{}'));
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
      url: '/api/v1/lineage?a',
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
});
