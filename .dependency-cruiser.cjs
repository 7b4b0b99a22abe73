/**
 * The import rules. An event walks one way through the house, and imports go the same way:
 *
 *     http → pipeline → delivery → kafka, spool
 *
 * The pipeline asks `auth`, `openlineage` and `routing` on the way. `page` hears of its outcomes, and `http` shows what it knows. `proxy` builds the parts, `commands` run them. `metrics`, `support` and the
 * files at the root (`errors`, `log`, `version`) serve several parts and know none of them.
 */
const parts = [
  'auth',
  'commands',
  'config',
  'delivery',
  'http',
  'kafka',
  'metrics',
  'openlineage',
  'page',
  'pipeline',
  'proxy',
  'routing',
  'spool',
  'support',
  'tracing',
];

/** What each part may import of the others. Every part may import `support`. */
const mayImport = {
  support: [],
  tracing: [],
  metrics: [],
  config: [],
  openlineage: [],
  spool: [],
  auth: ['metrics'],
  kafka: ['metrics'],
  delivery: ['kafka', 'spool', 'metrics', 'tracing'],
  routing: ['auth', 'config', 'openlineage', 'metrics'],
  pipeline: ['auth', 'openlineage', 'routing', 'delivery', 'kafka', 'metrics', 'tracing'],
  page: ['auth', 'openlineage', 'pipeline', 'delivery', 'metrics'],
  http: ['auth', 'openlineage', 'page', 'pipeline', 'delivery', 'metrics', 'tracing'],
  proxy: parts.filter((part) => part !== 'commands'),
  commands: parts,
};

/** A rule: what `from` must not import. */
const forbid = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to });

module.exports = {
  forbidden: [
    forbid('no-circles', 'Two files that need each other are one file.', {}, { circular: true }),
    forbid('nothing-unresolved', 'The file or package does not exist.', {}, { couldNotResolve: true }),
    forbid(
      'no-development-packages',
      'An installed program has no development packages. Their types are for the compiler only.',
      { path: '^src/' },
      { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    ),
    forbid(
      'root-files-know-no-part',
      'The tables at the root serve every part.',
      { path: '^src/(errors|log|version)[.]ts$' },
      { path: '^src/', pathNot: '^src/support/' },
    ),
    ...Object.entries(mayImport).map(([part, allowed]) =>
      forbid(
        `${part}-imports-one-way`,
        `src/${part} may import: ${['support', ...allowed].join(', ')}.`,
        { path: `^src/${part}/` },
        {
          path: `^src/(${parts.filter((other) => ![part, 'support', ...allowed].includes(other)).join('|')}|$^)/`,
        },
      ),
    ),
    forbid(
      'only-kafka-knows-the-kafka-client',
      'Brokers are reached through src/kafka.',
      { path: '^src/', pathNot: '^src/kafka/' },
      {
        path: 'node_modules/(@platformatic/kafka|@node-rs/crc32|kerberos|@azure/identity|aws-msk-iam-sasl-signer-js|google-auth-library)/',
      },
    ),
    forbid(
      'only-tracing-knows-open-telemetry',
      'It is loaded only where an exporter is configured.',
      { path: '^src/', pathNot: '^src/tracing/' },
      { path: 'node_modules/@opentelemetry/' },
    ),
    forbid(
      'others-see-records-and-the-port-of-kafka',
      'Delivery and pipeline know records and outcomes, not brokers.',
      { path: '^src/(delivery|pipeline)/' },
      { path: '^src/kafka/', pathNot: '^src/kafka/(record|producer/port)[.]ts$' },
    ),
    forbid(
      'others-see-the-port-of-delivery',
      'The next hop is an interface.',
      { path: '^src/(http|page|pipeline|proxy/front)' },
      { path: '^src/delivery/', pathNot: '^src/delivery/(port|dead-letter-record)[.]ts$' },
    ),
    forbid(
      'the-core-knows-no-http',
      'What keeps an event does not know how it came.',
      { path: '^src/(page|pipeline|delivery|spool|openlineage|routing)/' },
      { path: '^(node:)?(http|https|http2|net|tls)$' },
    ),
    forbid(
      'the-core-knows-no-error-table',
      'These parts say retriable, permanent or too large. Error codes and statuses are for those above.',
      { path: '^src/(delivery|kafka|spool|openlineage|routing|config)/' },
      { path: '^src/errors[.]ts$' },
    ),
    forbid(
      'the-front-names-no-broker',
      'There may be several fronts, and one core.',
      { path: '^src/proxy/(front|authentication|oidc|personal-tokens|listening)' },
      { path: '^src/(kafka|spool|proxy/core)' },
    ),
    forbid(
      'the-core-names-no-request',
      'The core serves every front.',
      { path: '^src/proxy/core' },
      { path: '^src/(http|page|pipeline|auth|openlineage|routing|proxy/front)' },
    ),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.mjs'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types'],
    },
  },
};
