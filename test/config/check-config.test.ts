import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import { startProxy } from '../../tools/proxy.ts';
import { writeCertificate } from '../stage/certificate.ts';
import { ranProgram } from './child.ts';
import { temporaryFile } from './loading.ts';

suite('check-config', () => {
  test('shows the settings of the proxy, with the place of each that is not a default', async (t) => {
    const configFile = temporaryFile(t, 'app.yaml', 'kafka:\n  bootstrap_servers: [kafka:9092]\n');
    const envFile = temporaryFile(t, '.env', 'DATA_RENTGEN__PRODUCER__ACKS=1\nDATA_RENTGEN__UI__X=1\n');
    const { status, stdout, stderr } = await ranProgram(
      [
        'check-config',
        '--config',
        configFile,
        '--env-file',
        envFile,
        '--port',
        '80',
        '--header',
        'A: b',
        '--header',
        'C: d',
      ],
      { HTTP2KAFKA__LOGGING__PRESET: 'json', HTTP2KAFKA__SPOOL__AFTER: '1500 ms' },
    );
    assert.equal(stderr, '');
    assert.equal(status, 0);
    const lines = stdout.split('\n');
    assert.deepEqual(lines.slice(0, 3), [
      'configuration is valid',
      `note: DATA_RENTGEN__PRODUCER__ACKS in ${envFile} line 1: 1 is not used, because Kafka could lose an acknowledged event; producer.acks is all`,
      'note: ignored, because they are no settings of http2kafka: DATA_RENTGEN__UI__X',
    ]);
    for (const line of [
      `kafka.bootstrap_servers: ["kafka:9092"]  # kafka.bootstrap_servers in ${configFile} line 2`,
      'logging.preset: "json"  # HTTP2KAFKA__LOGGING__PRESET in the environment',
      'server.port: 80  # --port',
      'server.headers: ["A: b","C: d"]  # --header',
      'server.host: "127.0.0.1"',
      'server.uds: null',
      'spool.path: "/var/lib/http2kafka"',
      'spool.after: "1500ms"  # HTTP2KAFKA__SPOOL__AFTER in the environment',
      'spool.max_bytes: null',
      'spool.max_age: "7d"',
    ])
      assert.ok(lines.includes(line), line);
  });

  test('shows every error, and ends with 1', async (t) => {
    const configFile = temporaryFile(t, 'app.yaml', 'kafka:\n  bootstrap_server: [kafka:9092]\n');
    const { status, stdout, stderr } = await ranProgram(
      ['check-config', '--config', configFile, '--log-level', 'loud'],
      {
        HTTP2KAFKA__SERVER__PORT: 'many',
      },
    );
    assert.deepEqual([status, stdout], [1, '']);
    assert.deepEqual(stderr.trimEnd().split('\n'), [
      'the configuration has 3 errors:',
      `  kafka.bootstrap_server in ${configFile} line 2: there is no such setting. Did you mean kafka.bootstrap_servers?`,
      "  --log-level: 'loud' where one of trace, debug, info, warn, error, fatal was expected",
      "  HTTP2KAFKA__SERVER__PORT in the environment: 'many' where a whole number from 0 to 65535 was expected",
    ]);
  });

  test('shows no secret', async (t) => {
    const folder = dirname(temporaryFile(t, 'empty', ''));
    const { cert, key } = await writeCertificate(folder, 'hunter2');
    const { status, stdout } = await ranProgram(
      ['check-config', '--ssl-keyfile', key, '--ssl-certfile', cert],
      {
        HTTP2KAFKA__KAFKA__BOOTSTRAP_SERVERS: 'kafka:9092',
        HTTP2KAFKA__SERVER__SSL_KEYFILE_PASSWORD: 'hunter2',
      },
    );
    assert.equal(status, 0);
    assert.doesNotMatch(stdout, /hunter2/);
    assert.match(
      stdout,
      /^server\.ssl_keyfile_password: \*{5} {2}# HTTP2KAFKA__SERVER__SSL_KEYFILE_PASSWORD/m,
    );
  });
});

suite('check-config, for what would stop the proxy', () => {
  const problem = async (args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
    const { status, stdout, stderr } = await ranProgram(['check-config', ...args], env);
    assert.deepEqual([status, stdout], [1, '']);
    const [first, second = ''] = stderr.split('\n');
    assert.equal(first, 'the configuration has an error:');
    return second.trim();
  };

  test('reads the file of routing rules', async (t) => {
    const file = temporaryFile(t, 'rules.yaml', 'rules: [{ name: a }]\n');
    const env = { HTTP2KAFKA__ROUTING__FILE: file };
    const expected =
      "routing.file: rules[0] line 1: rule 'a': one of topics, dead_letter, refuse and drop was expected";
    assert.equal(await problem([], env), expected);
  });

  test('reads the senders file', async (t) => {
    const file = temporaryFile(t, 'senders.yaml', 'senders: [{nam: x}]\n');
    const env = { HTTP2KAFKA__AUTH__SENDERS_FILE: file };
    assert.equal(await problem([], env), "auth.senders_file: senders[0]: there is no field 'nam'");
  });

  test('reads the certificate and its key', async (t) => {
    const key = temporaryFile(t, 'key.pem', '');
    assert.match(
      await problem(['--ssl-keyfile', key, '--ssl-certfile', key]),
      /^server\.ssl_certfile: .*key\.pem \(server\.ssl_certfile\) holds no certificate/,
    );
  });

  test('finds a spool folder that cannot be used', async (t) => {
    const file = temporaryFile(t, 'file', '');
    assert.equal(await problem(['--spool-path', file]), `spool.path: ${file} is not a folder`);
    assert.match(await problem(['--spool-path', join(file, 'below')]), /^spool\.path: ENOTDIR/);
  });

  test('looks for the parts of a login by Kerberos', async (t) => {
    const env = {
      PATH: dirname(temporaryFile(t, 'file', '')),
      HTTP2KAFKA__KAFKA__BOOTSTRAP_SERVERS: 'kafka:9092',
      HTTP2KAFKA__KAFKA__SECURITY__TYPE: 'GSSAPI',
      HTTP2KAFKA__KAFKA__SECURITY__PRINCIPAL: 'alice',
      HTTP2KAFKA__KAFKA__SECURITY__PASSWORD: 'hunter2',
    };
    // Its native part, which is built for the tests with a KDC, or the programs.
    assert.match(await problem([], env), /^kafka\.security\.type: GSSAPI needs .*docs\/docker\.md#kerberos$/);
  });

  test('resolves the addresses to listen on', async () => {
    assert.match(await problem(['--host', 'nowhere.invalid']), /^server\.host: .*nowhere\.invalid/);
    const monitoring = {
      HTTP2KAFKA__SERVER__MONITORING__HOST: 'nowhere.invalid',
      HTTP2KAFKA__SERVER__MONITORING__PORT: '9100',
    };
    assert.match(await problem([], monitoring), /^server\.monitoring\.host: .*nowhere\.invalid/);
  });

  test('finds a folder for the Unix socket that is missing', async (t) => {
    const folder = dirname(temporaryFile(t, 'file', ''));
    assert.match(await problem(['--uds', join(folder, 'gone', 'socket')]), /^server\.uds: ENOENT/);
  });

  test('reads the certificates of the OpenID provider and of the database', async (t) => {
    const text = temporaryFile(t, 'text.pem', 'no PEM at all');
    const oidc = {
      HTTP2KAFKA__AUTH__OIDC__ISSUER: 'https://127.0.0.1:1',
      HTTP2KAFKA__AUTH__OIDC__AUDIENCE: 'x',
      HTTP2KAFKA__AUTH__OIDC__CA_FILE: text,
    };
    assert.match(
      await problem([], oidc),
      /^auth\.oidc\.ca_file: .*text\.pem \(auth\.oidc\.ca_file\) holds no/,
    );
    const database = (query: string) => ({
      HTTP2KAFKA__AUTH__PERSONAL_TOKENS__SECRET_KEY: 'a secret key of the tests, long enough',
      HTTP2KAFKA__DATABASE__URL: `postgresql://u:hunter2@127.0.0.1:1/db?ssl=require&${query}`,
    });
    assert.match(
      await problem([], database('sslrootcert=/gone.pem')),
      /^database\.url: \/gone\.pem \(sslrootcert in database\.url\) cannot be read: ENOENT/,
    );
    assert.match(
      await problem([], database(`sslrootcert=${text}`)),
      /^database\.url: .*text\.pem \(sslrootcert in database\.url\) holds no certificate/,
    );
  });

  test('warns of each name that does not resolve, and succeeds: the proxy starts without them', async () => {
    const names = {
      HTTP2KAFKA__KAFKA__BOOTSTRAP_SERVERS: 'b1.invalid:9092,127.0.0.1:1',
      HTTP2KAFKA__KAFKA__SECURITY__TYPE: 'OAUTHBEARER',
      HTTP2KAFKA__KAFKA__SECURITY__TLS__ENABLED: 'true',
      HTTP2KAFKA__KAFKA__SECURITY__OAUTH__TOKEN_ENDPOINT: 'https://token.invalid/token',
      HTTP2KAFKA__KAFKA__SECURITY__OAUTH__CLIENT_ID: 'x',
      HTTP2KAFKA__KAFKA__SECURITY__OAUTH__CLIENT_SECRET: 'hunter2',
      HTTP2KAFKA__AUTH__OIDC__ISSUER: 'https://issuer.invalid',
      HTTP2KAFKA__AUTH__OIDC__AUDIENCE: 'x',
      HTTP2KAFKA__AUTH__PERSONAL_TOKENS__SECRET_KEY: 'a secret key of the tests, long enough',
      HTTP2KAFKA__DATABASE__URL: 'postgresql://u:hunter2@database.invalid/db',
    };
    const { status, stdout, stderr } = await ranProgram(['check-config'], names);
    assert.deepEqual([status, stderr], [0, '']);
    const warnings = stdout.split('\n').filter((line) => line.startsWith('warning: '));
    assert.deepEqual(
      warnings.map((line) => line.replace(/ on this machine.*/, '')),
      [
        'warning: kafka.bootstrap_servers: the name b1.invalid does not resolve',
        'warning: kafka.security.oauth.token_endpoint: the name token.invalid does not resolve',
        'warning: auth.oidc.issuer: the name issuer.invalid does not resolve',
        'warning: database.url: the name database.invalid does not resolve',
      ],
    );
    assert.doesNotMatch(stdout, /hunter2/);
  });

  test('warns of a login that is not used, or that everyone can read', async () => {
    const file = 'HTTP2KAFKA__KAFKA__SECURITY__OAUTH__TOKEN_FILE';
    const unused = await ranProgram(['check-config'], { [file]: import.meta.filename });
    assert.match(unused.stdout, /^warning: kafka\.security\.type: the proxy does not log in to Kafka/m);
    const readable = await ranProgram(['check-config'], {
      HTTP2KAFKA__KAFKA__SECURITY__TYPE: 'PLAIN',
      HTTP2KAFKA__KAFKA__SECURITY__USER: 'u',
      HTTP2KAFKA__KAFKA__SECURITY__PASSWORD: 'p',
    });
    assert.match(readable.stdout, /^warning: kafka\.security\.type: THE PASSWORD FOR KAFKA IS SENT WITHOUT/m);
    assert.deepEqual([unused.status, readable.status], [0, 0]);
  });

  test('makes no folder', async (t) => {
    const spool = join(dirname(temporaryFile(t, 'file', '')), 'a', 'b');
    const { status, stderr } = await ranProgram(['check-config', '--spool-path', spool]);
    assert.deepEqual([status, stderr, existsSync(dirname(spool))], [0, '', false]);
  });

  test('succeeds beside a proxy that runs with the same settings', async (t) => {
    const spool = join(dirname(temporaryFile(t, 'file', '')), 'spool');
    const proxy = await startProxy({ settings: { SPOOL__PATH: spool } });
    const args = ['check-config', '--spool-path', spool, '--port', String(proxy.port)];
    const { status, stderr } = await ranProgram(args);
    await proxy.stop();
    assert.deepEqual([status, stderr], [0, '']);
  });
});

suite('the command line', () => {
  test('has every flag of uvicorn that Data.Rentgen documents', async () => {
    const { status, stdout } = await ranProgram(['serve', '--help']);
    assert.equal(status, 0);
    const flags =
      '--host --port --uds --workers --env-file --config --spool-path --log-level --access-log --no-access-log --use-colors ' +
      '--no-use-colors --proxy-headers --no-proxy-headers --forwarded-allow-ips --root-path --limit-concurrency --backlog ' +
      '--timeout-keep-alive --timeout-graceful-shutdown --ssl-keyfile --ssl-certfile --ssl-keyfile-password ' +
      '--ssl-ca-certs --ssl-cert-reqs --header --help';
    for (const flag of flags.split(' ')) assert.match(stdout, new RegExp(`[ ,]${flag}[ \\n]`), flag);
  });

  test('has a short help, which names the help with every flag', async () => {
    const { status, stdout } = await ranProgram(['--help']);
    assert.equal(status, 0);
    const flags = stdout.match(/^ +(?:-\w, )?--[\w-]+/gm) ?? [];
    assert.ok(flags.length >= 10 && flags.length <= 14, flags.join(' '));
    for (const flag of '--config --bootstrap-servers --topic --host --port --version --help'.split(' '))
      assert.match(stdout, new RegExp(`[ ,]${flag}[ \\n]`), flag);
    assert.match(stdout, /http2kafka serve --help/);
  });

  test('prints its version', async () => {
    const { status, stdout } = await ranProgram(['--version']);
    assert.equal(status, 0);
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
  });

  const misused: readonly (readonly [args: readonly string[], message: RegExp])[] = [
    [['--prot', '80'], /unknown option '--prot'\n\(Did you mean --port\?\)/],
    [['check-confg'], /unknown command 'check-confg'\. Did you mean check-config\?/],
    [['check-config', '--host'], /option '--host <address>' argument missing/],
    [['check-config', 'app.yaml'], /too many arguments for 'check-config'/],
    [['validate'], /missing required argument 'file'/],
  ];
  for (const [args, message] of misused) {
    test(`ends with 2 for ${args.join(' ')}`, async () => {
      const { status, stdout, stderr } = await ranProgram(args);
      assert.deepEqual([status, stdout], [2, '']);
      assert.match(stderr, message);
    });
  }

  test('ends with 1 for a configuration error', async () => {
    const { status, stdout, stderr } = await ranProgram(['--workers', '2']);
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(stderr, /^the configuration has an error:\n {2}--workers: 2 where only 1 is possible/);
  });
});
