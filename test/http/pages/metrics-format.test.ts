import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { reasons } from '../../../src/auth/sender.ts';
import { version } from '../../../src/version.ts';
import { freePorts } from '../../../tools/kafka/ports.ts';
import { writeCertificate } from '../../stage/certificate.ts';
import { samplesOf } from '../../stage/metric-reading.ts';
import { get, post, spooled } from '../../stage/posting.ts';
import { inState } from '../../stage/readiness.ts';
import { runEvent } from '../../stage/sample-events.ts';
import { Stage } from '../../stage/stage.ts';

const LIMITS = {
  QUEUE__MAX_BYTES: '64MiB',
  SPOOL__MAX_BYTES: '1GiB',
  SPOOL__MAX_AGE: '2h',
  SERVER__MAX_CONNECTIONS: '77',
};
const EXPIRY = 'http2kafka_tls_certificate_expiry_timestamp_seconds';
/** Units that Prometheus does not use: seconds and bytes are the base units. */
const OTHER_UNITS = /_(milliseconds|ms|minutes|hours|days|kilobytes|kb|mib|megabytes|bits)(_|$)/;

void suite('the metrics', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-metrics-'));
  const stage = new Stage();
  let first: string;
  let later: string;

  before(async () => {
    const proxy = await stage.proxyWithoutKafka({ settings: { ...LIMITS, SPOOL__AFTER: '100ms' } });
    const metricsOf = async () => (await get(proxy, '/monitoring/metrics')).text;
    first = await metricsOf();
    await inState(proxy, 'spooling');
    spooled(await post(proxy, runEvent('metrics')));
    await post(proxy, '{}');
    later = await metricsOf();
  });
  after(async () => {
    await stage.stop();
    rmSync(folder, { recursive: true });
  });

  test('have names, units and types by the conventions of Prometheus', () => {
    assert.deepEqual(objectionsTo(first), []);
    assert.deepEqual(objectionsTo(later), []);
    const bad = [
      '# HELP a_total x\n# TYPE a_total gauge',
      '# HELP a x\n# TYPE a counter',
      '# TYPE a gauge',
      '# HELP a_ms x\n# TYPE a_ms gauge',
    ];
    for (const text of bad) assert.equal(objectionsTo(text).length, 1, text);
  });

  test('are clean for promtool', async (context) => {
    const found = await promtool(later);
    if (found === undefined) context.skip('promtool (Debian package prometheus) is not installed');
    else assert.equal(found, '');
  });

  test('have counters that begin at 0 where their labels are known', () => {
    const samples = samplesOf(first);
    const zeros = [
      'events_total{kind="run",outcome="acknowledged"}',
      'events_total{kind="dataset",outcome="invalid_request"}',
      'events_total{kind="unknown",outcome="unsupported_media_type"}',
      'checks_total{check="full_check"}',
      'dead_letters_total{reason="too-large"}',
      'dead_letters_total{reason="refused"}',
    ];
    for (const name of zeros) assert.equal(samples.get(`http2kafka_${name}`), 0, name);
    assert.equal(samplesOf(later).get('http2kafka_events_total{kind="run",outcome="spooled"}'), 1);
  });

  test('name the build, and have each limit beside what it limits', () => {
    const samples = samplesOf(first);
    const build = `http2kafka_build_info{version="${version}",node="${process.versions.node}"}`;
    assert.equal(samples.get(build), 1);
    assert.equal(samples.get('http2kafka_queue_max_bytes'), 64 * 1024 ** 2);
    assert.equal(samples.get('http2kafka_spool_max_bytes'), 1024 ** 3);
    assert.equal(samples.get('http2kafka_spool_max_age_seconds'), 7200);
    assert.equal(samples.get('http2kafka_max_connections'), 77);
  });

  test('of certificates and of authentication are there only where these are', async () => {
    assert.equal(samplesOf(first).has(EXPIRY), false);
    assert.doesNotMatch(first, /authentication_failures_total{/);

    const { cert, key, x509 } = await writeCertificate(folder);
    const [port = 0] = await freePorts(1);
    const secured = await stage.proxyWithoutKafka({
      settings: {
        SERVER__MONITORING__PORT: String(port),
        AUTH__PERSONAL_TOKENS__SECRET_KEY: 'x'.repeat(64),
        AUTH__PERSONAL_TOKENS__CHECK_REVOCATION: 'false',
      },
      args: ['--ssl-certfile', cert, '--ssl-keyfile', key],
    });
    assert.ok(secured.running);
    const samples = samplesOf(await (await fetch(`http://127.0.0.1:${port}/monitoring/metrics`)).text());
    assert.equal(samples.get(EXPIRY), x509.validToDate.getTime() / 1000);
    for (const reason of reasons) {
      const name = `http2kafka_authentication_failures_total{reason="${reason}"}`;
      assert.equal(samples.get(name), 0, name);
    }
  });
});

/** What is wrong with the names and the types of the text. promtool finds more, where it is installed. */
function objectionsTo(text: string): string[] {
  const helped = new Set([...text.matchAll(/^# HELP (\S+) \S/gm)].map(([, name]) => name));
  return [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name = '', type]) => [
    ...(helped.has(name) ? [] : [`${name} has no help`]),
    ...((type === 'counter') === name.endsWith('_total') ? [] : [`${name} is a ${type}`]),
    ...(OTHER_UNITS.test(name) ? [`${name} has not the base unit`] : []),
  ]);
}

/** What promtool objects to: an empty text for nothing. Undefined where it is not installed. */
async function promtool(text: string): Promise<string | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
  const child = execFile('promtool', ['check', 'metrics'], (error, stdout, stderr) => {
    if (error?.code === 'ENOENT') resolve(undefined);
    else if (error && stdout + stderr === '') reject(error);
    else resolve(stdout + stderr);
  });
  // Without promtool the pipe breaks; the callback tells of that.
  child.stdin?.on('error', () => undefined).end(text);
  return promise;
}
