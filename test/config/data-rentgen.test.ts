import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { catalog } from '../../src/config/catalog.ts';
import { loadSettings } from '../../src/config/load.ts';
import { errorsOf, loaded, temporaryFile } from './loading.ts';

/** Every name of Data.Rentgen's http2kafka that this version accepts, with a value that is not the default here. */
const accepted: Readonly<Record<string, readonly [written: string, value: unknown]>> = {
  KAFKA__BOOTSTRAP_SERVERS: ['["kafka:9092"]', ['kafka:9092']],
  KAFKA__COMPRESSION: ['zstd', 'zstd'],
  KAFKA__REQUEST_TIMEOUT_MS: ['40000', 40_000],
  KAFKA__RETRY_BACKOFF_MS: ['200', 200],
  KAFKA__METADATA_MAX_AGE_MS: ['60000', 60_000],
  KAFKA__CONNECTIONS_MAX_IDLE_MS: ['60000', 60_000],
  KAFKA__SECURITY__TYPE: ['none', 'none'],
  KAFKA__SECURITY__USER: ['data_rentgen', 'data_rentgen'],
  KAFKA__SECURITY__PASSWORD: ['changeme', 'changeme'],
  KAFKA__SECURITY__PRINCIPAL: ['data_rentgen@EXAMPLE.COM', 'data_rentgen@EXAMPLE.COM'],
  KAFKA__SECURITY__KEYTAB: ['/etc/data_rentgen.keytab', '/etc/data_rentgen.keytab'],
  KAFKA__SECURITY__REALM: ['EXAMPLE.COM', 'EXAMPLE.COM'],
  KAFKA__SECURITY__SERVICE_NAME: ['broker', 'broker'],
  KAFKA__SECURITY__REFRESH_INTERVAL_SECONDS: ['60', 60],
  PRODUCER__MAIN_TOPIC: ['runs', 'runs'],
  PRODUCER__MALFORMED_TOPIC: ['malformed', 'malformed'],
  PRODUCER__MAX_BATCH_SIZE: ['16384', 16_384],
  PRODUCER__MAX_REQUEST_SIZE: ['1048576', 1_048_576],
  PRODUCER__ACKS: ['all', 'all'],
  DATABASE__URL: ['postgresql+asyncpg://u:p@db:5432/db', 'postgresql+asyncpg://u:p@db:5432/db'],
  AUTH__PERSONAL_TOKENS__ENABLED: ['false', false],
  AUTH__PERSONAL_TOKENS__SECRET_KEY: ['hunter2', 'hunter2'],
  AUTH__PERSONAL_TOKENS__SECURITY_ALGORITHM: ['HS512', 'HS512'],
  AUTH__PERSONAL_TOKENS__CACHE_TTL_SECONDS: ['60', 60],
  AUTH__PERSONAL_TOKENS__CACHE_SIZE: ['100', 100],
  AUTH__PERSONAL_TOKENS__MAX_DURATION_DAYS: ['30', 30],
  LOGGING__ENABLED: ['false', false],
  LOGGING__PRESET: ['colored', 'colored'],
  SERVER__DEBUG: ['true', true],
  SERVER__CORS__ENABLED: ['True', true],
  SERVER__CORS__ALLOW_ORIGINS: ['["http://localhost:3000"]', ['http://localhost:3000']],
  SERVER__CORS__ALLOW_CREDENTIALS: ['true', true],
  SERVER__CORS__ALLOW_METHODS: ['["GET","POST"]', ['GET', 'POST']],
  SERVER__CORS__ALLOW_HEADERS: ['["Authorization"]', ['Authorization']],
  SERVER__CORS__EXPOSE_HEADERS: ['["Location"]', ['Location']],
  SERVER__REQUEST_ID__ENABLED: ['0', false],
  SERVER__REQUEST_ID__HEADER_NAME: ['X-Correlation', 'X-Correlation'],
  SERVER__APPLICATION_VERSION__ENABLED: ['off', false],
  SERVER__APPLICATION_VERSION__HEADER_NAME: ['X-Version', 'X-Version'],
  SERVER__MONITORING__ENABLED: ['no', false],
  SERVER__OPENAPI__ENABLED: ['false', false],
};

const prefixed = (name: string) => `DATA_RENTGEN__${name}`;

suite("Data.Rentgen's settings", () => {
  for (const [name, [written, value]] of Object.entries(accepted)) {
    test(`${name} is accepted`, () => {
      const environment = { [prefixed(name)]: written };
      const outcome = loadSettings({ flags: new Map(), environment, offline: true });
      assert.ok('settings' in outcome);
      const { given, notices } = outcome;
      assert.deepEqual(given.get(name.toLowerCase().replaceAll('__', '.'))?.value, value);
      assert.deepEqual(notices, []);
    });
  }

  test('the list of accepted names is complete', () => {
    const declared = [...catalog.values()].flatMap(({ dataRentgenName }) => dataRentgenName ?? []);
    assert.deepEqual(declared.toSorted(), Object.keys(accepted).map(prefixed).toSorted());
  });

  for (const [written, type] of [
    ['', 'none'],
    ['PLAINTEXT', 'PLAIN'],
    ['scram-sha-256', 'SCRAM-SHA-256'],
    ['SCRAM-SHA-512', 'SCRAM-SHA-512'],
  ] as const) {
    test(`a login of type '${written}' is ${type}`, () => {
      const { settings } = loaded({
        environment: {
          DATA_RENTGEN__KAFKA__SECURITY__TYPE: written,
          DATA_RENTGEN__KAFKA__SECURITY__USER: 'data_rentgen',
          DATA_RENTGEN__KAFKA__SECURITY__PASSWORD: 'changeme',
        },
      });
      assert.equal(settings.kafka.security.type, type);
    });
  }

  for (const acks of ['0', '1']) {
    test(`acks of ${acks} becomes all, with a notice`, () => {
      const { settings, notices } = loaded({ environment: { DATA_RENTGEN__PRODUCER__ACKS: acks } });
      assert.equal(settings.producer.acks, 'all');
      assert.deepEqual(notices, [
        `DATA_RENTGEN__PRODUCER__ACKS in the environment: ${acks} is not used, because Kafka could lose an acknowledged event; producer.acks is all`,
      ]);
    });
  }

  test('acks of 1 under our own name is an error', () => {
    assert.deepEqual(errorsOf({ environment: { HTTP2KAFKA__PRODUCER__ACKS: '1' } }), [
      "HTTP2KAFKA__PRODUCER__ACKS in the environment: '1' where all was expected",
    ]);
  });

  test('the error of a wrong value contains the name that was used', () => {
    assert.deepEqual(errorsOf({ environment: { DATA_RENTGEN__KAFKA__COMPRESSION: 'brotli' } }), [
      "DATA_RENTGEN__KAFKA__COMPRESSION in the environment: 'brotli' where one of none, gzip, snappy, lz4, zstd was expected",
    ]);
  });

  test('variables of its other programs are ignored, with one notice', (t) => {
    const envFile = temporaryFile(
      t,
      '.env',
      `DATA_RENTGEN__UI__API_BROWSER_URL=http://localhost:8000
DATA_RENTGEN__CONSUMER__MAX_POLL_RECORDS=10
DATA_RENTGEN__AUTH__PROVIDER=data_rentgen.server.providers.auth.dummy_provider.DummyAuthProvider
DATA_RENTGEN__AUTH__KEYCLOAK__CLIENT_SECRET=hunter2
DATA_RENTGEN__SERVER__SESSION__SECRET_KEY=hunter2
DATA_RENTGEN__SERVER__OPENAPI__SWAGGER__ENABLED=true
DATA_RENTGEN__SERVER__MONITORING__SKIP_PATHS=[]
POSTGRES_PASSWORD=hunter2
KAFKA_CFG_NODE_ID=0
`,
    );
    const { notices } = loaded({ envFile, environment: { DATA_RENTGEN__UI__API_BROWSER_URL: 'x' } });
    assert.deepEqual(notices, [
      'ignored, because they are no settings of http2kafka: DATA_RENTGEN__AUTH__KEYCLOAK__CLIENT_SECRET, ' +
        'DATA_RENTGEN__AUTH__PROVIDER, DATA_RENTGEN__CONSUMER__MAX_POLL_RECORDS, ' +
        'DATA_RENTGEN__SERVER__MONITORING__SKIP_PATHS, DATA_RENTGEN__SERVER__OPENAPI__SWAGGER__ENABLED, ' +
        'DATA_RENTGEN__SERVER__SESSION__SECRET_KEY, DATA_RENTGEN__UI__API_BROWSER_URL',
    ]);
  });
});

suite('protection that the proxy cannot provide as configured', () => {
  const refused: readonly (readonly [why: string, environment: Record<string, string>, error: RegExp])[] = [
    [
      'a login to Kafka as JSON',
      { KAFKA__SECURITY: '{"type": "GSSAPI"}' },
      /a section has no value of its own; .* such as DATA_RENTGEN__KAFKA__SECURITY__TYPE/,
    ],
    [
      'tokens switched on, without a key',
      { AUTH__PERSONAL_TOKENS__ENABLED: 'true' },
      /ENABLED in the environment: needs auth.personal_tokens.secret_key/,
    ],
    [
      'tokens with a key, without a database',
      { AUTH__PERSONAL_TOKENS__SECRET_KEY: 'hunter2' },
      /KEY in the environment: personal tokens need database.url/,
    ],
    ['tokens neither on nor off', { AUTH__PERSONAL_TOKENS__ENABLED: 'maybe' }, /'maybe' where true or false/],
    [
      'tokens as JSON',
      { AUTH__PERSONAL_TOKENS: '{"secret_key": "hunter2"}' },
      /a section has no value of its own; .* such as DATA_RENTGEN__AUTH__PERSONAL_TOKENS__ENABLED/,
    ],
    [
      'a database of another kind',
      { DATABASE__URL: 'mysql://u:hunter2@db/db' },
      /a secret \(not shown\) where postgresql/,
    ],
    [
      'a whole section as JSON',
      { KAFKA: '{"security": "hunter2"}' },
      /a section has no value of its own; .* such as DATA_RENTGEN__KAFKA__BOOT/,
    ],
  ];
  for (const [why, environment, error] of refused) {
    test(`stops the start: ${why}`, () => {
      const errors = errorsOf({
        environment: Object.fromEntries(
          Object.entries(environment).map(([name, value]) => [prefixed(name), value]),
        ),
      });
      assert.equal(errors.length, 1);
      assert.match(errors[0] ?? '', error);
      assert.doesNotMatch(errors[0] ?? '', /hunter2|GSSAPI/);
    });
  }

  test('is not requested by an empty variable', () => {
    const environment = {
      DATA_RENTGEN__AUTH__PERSONAL_TOKENS__SECRET_KEY: '',
    };
    assert.equal(loaded({ environment }).settings.auth.personalTokens.secretKey, undefined);
  });

  test('can be switched off in the environment when the file switches it on', (t) => {
    const envFile = temporaryFile(t, '.env', 'DATA_RENTGEN__AUTH__PERSONAL_TOKENS__ENABLED=true\n');
    const environment = { DATA_RENTGEN__AUTH__PERSONAL_TOKENS__ENABLED: 'false' };
    assert.equal(loaded({ envFile, environment }).settings.auth.personalTokens.enabled, false);
  });
});
