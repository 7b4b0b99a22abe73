import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { loadSettings } from '../../src/config/load.ts';
import { errorsOf, loaded, temporaryFile } from './loading.ts';

suite('where a setting comes from', () => {
  const sources = ['default', 'file', '.env', 'environment', 'flag'];
  const ports = [8002, 1, 2, 3, 4];

  for (const [highest, source] of sources.entries()) {
    test(`${source} wins over the sources below it`, (t) => {
      const has = (index: number) => index <= highest;
      const { settings } = loaded({
        configFile: has(1) ? temporaryFile(t, 'app.yaml', 'server: { port: 1 }') : undefined,
        envFile: has(2) ? temporaryFile(t, '.env', 'HTTP2KAFKA__SERVER__PORT=2') : undefined,
        environment: has(3) ? { HTTP2KAFKA__SERVER__PORT: '3' } : {},
        flags: has(4) ? { '--port': '4' } : {},
      });
      assert.equal(settings.server.port, ports[highest]);
    });
  }

  test("our name wins over Data.Rentgen's in the same source, and only there", (t) => {
    const environment = {
      DATA_RENTGEN__PRODUCER__MAIN_TOPIC: 'theirs',
      HTTP2KAFKA__PRODUCER__MAIN_TOPIC: 'ours',
      DATA_RENTGEN__LOGGING__PRESET: 'json',
    };
    const envFile = temporaryFile(t, '.env', 'HTTP2KAFKA__LOGGING__PRESET=colored');
    const { producer, logging } = loaded({ environment, envFile }).settings;
    assert.deepEqual([producer.mainTopic, logging.preset], ['ours', 'json']);
  });

  test('a wrong value that another source overrides is not checked', () => {
    const environment = { HTTP2KAFKA__SERVER__PORT: 'many' };
    assert.equal(loaded({ environment, flags: { '--port': '80' } }).settings.server.port, 80);
  });

  test('each given setting has its place, and no default is listed', (t) => {
    const envFile = temporaryFile(t, '.env', '# ports\nexport HTTP2KAFKA__SERVER__PORT=2\n');
    const configFile = temporaryFile(t, 'app.yaml', 'check:\n  level: routing\n');
    const { given } = loaded({ envFile, configFile, flags: { '--no-access-log': true } });
    assert.deepEqual(Object.fromEntries([...given].map(([name, { place }]) => [name, place])), {
      'kafka.bootstrap_servers': 'HTTP2KAFKA__KAFKA__BOOTSTRAP_SERVERS in the environment',
      'check.level': `check.level in ${configFile} line 2`,
      'server.port': `HTTP2KAFKA__SERVER__PORT in ${envFile} line 2`,
      'server.access_log': '--no-access-log',
    });
  });

  test('the settings are frozen at every level', () => {
    const { settings } = loaded();
    const { server, kafka } = settings;
    for (const part of [settings, server, server.cors, server.cors.allowMethods, kafka.bootstrapServers])
      assert.ok(Object.isFrozen(part));
  });
});

suite('the spool', () => {
  test('has the defaults /var/lib/http2kafka, a second, 7 days, and a limit that follows from the volume', () => {
    assert.deepEqual(loaded().settings.spool, {
      path: '/var/lib/http2kafka',
      after: 1000,
      maxBytes: undefined,
      maxAge: 7 * 86_400_000,
    });
  });

  test('can be set in a file, in the environment and by a flag', (t) => {
    const configFile = temporaryFile(t, 'app.yaml', 'spool:\n  after: 1.5s\n  max_age: 12h\n');
    const environment = { HTTP2KAFKA__SPOOL__AFTER: '250ms', HTTP2KAFKA__SPOOL__MAX_BYTES: '1GiB' };
    const { spool } = loaded({ configFile, environment, flags: { '--spool-path': '/data/spool' } }).settings;
    assert.deepEqual(spool, {
      path: '/data/spool',
      after: 250,
      maxBytes: 2 ** 30,
      maxAge: 12 * 3_600_000,
    });
  });
});

suite('flags', () => {
  test('of two flags for one setting the last one wins', () => {
    assert.equal(
      loaded({ flags: { '--no-use-colors': true, '--use-colors': true } }).settings.logging.preset,
      'colored',
    );
    assert.equal(
      loaded({ flags: { '--use-colors': true, '--no-use-colors': true } }).settings.logging.preset,
      'plain',
    );
  });

  test("uvicorn's names of levels are accepted", () => {
    const levelOf = (word: string) => loaded({ flags: { '--log-level': word } }).settings.logging.level;
    assert.deepEqual(['critical', 'warning', 'INFO'].map(levelOf), ['fatal', 'warn', 'info']);
  });

  test("uvicorn's numbers for client certificates are accepted", () => {
    assert.equal(loaded({ flags: { '--ssl-cert-reqs': '0' } }).settings.server.sslCertReqs, 'none');
  });
});

suite('configuration errors', () => {
  test('are all reported at once, each with its place, its value and the expected values', (t) => {
    const configFile = temporaryFile(
      t,
      'app.yaml',
      'server:\n  hots: example\nkafka:\n  compression: brotli\n',
    );
    const envFile = temporaryFile(t, '.env', 'HTTP2KAFKA__QUEUE__MAX_BYTES=lots\n');
    const errors = errorsOf({
      configFile,
      envFile,
      environment: {
        HTTP2KAFKA__SERVER__PRT: '1',
        HTTP2KAFKA__PRODUCER__MAIN_TOPIC: 'a b',
        HTTP2KAFKA__KAFKA: '{}',
      },
      flags: { '--port': '70000', '--workers': '2' },
    });
    assert.deepEqual(errors, [
      'HTTP2KAFKA__SERVER__PRT in the environment: there is no such setting. Did you mean HTTP2KAFKA__SERVER__PORT?',
      'HTTP2KAFKA__KAFKA in the environment: a section has no value of its own; name a setting in it, such as HTTP2KAFKA__KAFKA__BOOTSTRAP_SERVERS',
      `server.hots in ${configFile} line 2: there is no such setting. Did you mean server.host?`,
      `kafka.compression in ${configFile} line 4: 'brotli' where one of none, gzip, snappy, lz4, zstd was expected`,
      "HTTP2KAFKA__PRODUCER__MAIN_TOPIC in the environment: 'a b' where a topic name: up to 249 letters, digits, dots, dashes and underscores was expected",
      `HTTP2KAFKA__QUEUE__MAX_BYTES in ${envFile} line 1: 'lots' where a size from 1 to 1099511627776 bytes, such as 1 or 5MiB was expected`,
      "--port: '70000' where a whole number from 0 to 65535 was expected",
      '--workers: 2 where only 1 is possible in this version; run several proxies behind a load balancer',
    ]);
  });

  test('no broker is needed: events stay in the spool until one is set', () => {
    const outcome = loadSettings({ flags: new Map(), environment: {} });
    assert.ok('settings' in outcome);
    assert.deepEqual(outcome.settings.kafka.bootstrapServers, []);
  });

  test('the error for a duration without a unit gives examples', () => {
    assert.deepEqual(errorsOf({ environment: { HTTP2KAFKA__SPOOL__AFTER: '1000' } }), [
      "HTTP2KAFKA__SPOOL__AFTER in the environment: '1000' where a time from 1ms to 1d with its unit, such as 500ms, 1s, 15m, 12h or 7d was expected",
    ]);
  });

  test('a file that cannot be read is one error, and no setting that the file may contain is reported as missing', () => {
    const outcome = loadSettings({
      flags: new Map(),
      environment: {},
      configFile: '/no/where.yaml',
      envFile: '/',
    });
    assert.ok('errors' in outcome);
    assert.deepEqual(outcome.errors, [
      { place: '/', message: 'cannot be read: illegal operation on a directory' },
      { place: '/no/where.yaml', message: 'cannot be read: no such file or directory' },
    ]);
  });

  test('a setting with the same last part in another section is suggested', () => {
    assert.deepEqual(errorsOf({ environment: { HTTP2KAFKA__MAIN_TOPIC: 'x' } }), [
      'HTTP2KAFKA__MAIN_TOPIC in the environment: there is no such setting. Did you mean HTTP2KAFKA__PRODUCER__MAIN_TOPIC?',
    ]);
  });

  test('a long value is shortened', () => {
    const [error = ''] = errorsOf({ flags: { '--port': 'x'.repeat(10_000) } });
    assert.ok(error.length < 300, error);
  });
});

suite('secrets', () => {
  test('are never in a configuration error', (t) => {
    const configFile = temporaryFile(
      t,
      'app.yaml',
      'server:\n  ssl_keyfile_password: [hunter2]\n  ssl_keyfile_pasword: hunter2\n',
    );
    const errors = errorsOf({ configFile, environment: { HTTP2KAFKA__SSL_KEYFILE_PASSWORD_: 'hunter2' } });
    assert.equal(errors.length, 3);
    assert.doesNotMatch(errors.join('\n'), /hunter2/);
  });

  test('are never in the error of a file that cannot be parsed', (t) => {
    for (const line of ['*hunter2', '"hunter2', '@hunter2', '{hunter2', 'a: hunter2', '!hunter2 x']) {
      const configFile = temporaryFile(t, 'app.yaml', `server:\n  ssl_keyfile_password: ${line}\n`);
      const errors = errorsOf({ configFile });
      assert.doesNotMatch(errors.join('\n'), /hunter2/, line);
    }
  });
});

suite('settings that do not go together', () => {
  test('a socket and an address', () => {
    const [error] = errorsOf({ flags: { '--uds': '/tmp/h.sock', '--host': '0.0.0.0' } });
    assert.match(error ?? '', /^--uds: a socket replaces server.host and server.port/);
    assert.equal(loaded({ flags: { '--uds': '/tmp/h.sock' } }).settings.server.uds, '/tmp/h.sock');
    // The image sets every address in its environment.
    const named = (host: string) => ({
      HTTP2KAFKA__SERVER__UDS: '/tmp/h.sock',
      HTTP2KAFKA__SERVER__HOST: host,
    });
    assert.equal(loaded({ environment: named('0.0.0.0') }).settings.server.uds, '/tmp/h.sock');
    assert.match(errorsOf({ environment: named('10.0.0.1') })[0] ?? '', /a socket replaces/);
  });

  test('credentials of the reader for every page', () => {
    const cors = {
      HTTP2KAFKA__SERVER__CORS__ENABLED: 'true',
      HTTP2KAFKA__SERVER__CORS__ALLOW_CREDENTIALS: 'true',
    };
    const origins = (list: string) => ({ ...cors, HTTP2KAFKA__SERVER__CORS__ALLOW_ORIGINS: list });
    for (const list of ['*', 'https://a.example,*']) {
      const [error] = errorsOf({ environment: origins(list) });
      assert.match(error ?? '', /ALLOW_ORIGINS in the environment: must name the origins, because/);
    }
    assert.ok(loaded({ environment: origins('https://a.example') }).settings.server.cors.allowCredentials);
  });

  test('logins of senders to the page where no sender is recognised', () => {
    const environment = { HTTP2KAFKA__SERVER__PAGE__SENDERS: 'true' };
    const [error] = errorsOf({ environment });
    assert.match(error ?? '', /PAGE__SENDERS in the environment: needs a way to recognise senders/);
    const token = { HTTP2KAFKA__AUTH__PERSONAL_TOKENS__SECRET_KEY: 'x'.repeat(32) };
    const open = { HTTP2KAFKA__AUTH__PERSONAL_TOKENS__CHECK_REVOCATION: 'false' };
    assert.ok(loaded({ environment: { ...environment, ...token, ...open } }).settings.server.page.senders);
  });

  test('incomplete TLS settings, and files that do not exist', (t) => {
    const there = temporaryFile(t, 'key.pem', '');
    const needy = errorsOf({
      flags: { '--ssl-certfile': there, '--ssl-cert-reqs': '2', '--ssl-keyfile-password': 'x' },
    });
    assert.deepEqual(needy, [
      '--ssl-certfile: needs server.ssl_keyfile, which is not set',
      '--ssl-keyfile-password: needs server.ssl_keyfile, which is not set',
      '--ssl-cert-reqs: needs server.ssl_ca_certs, which is not set',
    ]);
    const absent = errorsOf({ flags: { '--ssl-certfile': there, '--ssl-keyfile': '/no/key.pem' } });
    assert.deepEqual(absent, ["--ssl-keyfile: '/no/key.pem' is not a file that can be read"]);
    const given = {
      '--ssl-certfile': there,
      '--ssl-keyfile': there,
      '--ssl-ca-certs': there,
      '--ssl-cert-reqs': '1',
    };
    assert.equal(loaded({ flags: given }).settings.server.sslCertReqs, 'optional');
  });

  test('a queue smaller than one event', () => {
    const [error] = errorsOf({ environment: { HTTP2KAFKA__QUEUE__MAX_BYTES: '1MiB' } });
    assert.match(error ?? '', /1048576 bytes are less than the largest event may have/);
  });

  test('a spool smaller than one event', () => {
    const [error] = errorsOf({ environment: { HTTP2KAFKA__SPOOL__MAX_BYTES: '1MiB' } });
    assert.match(error ?? '', /1048576 bytes are less than the largest event may have/);
  });

  test('a dead-letter topic that is the main topic', () => {
    const [error] = errorsOf({ environment: { HTTP2KAFKA__PRODUCER__MALFORMED_TOPIC: 'input.runs' } });
    assert.match(error ?? '', /the same topic as producer.main_topic/);
  });
});
