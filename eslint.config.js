import tseslint from 'typescript-eslint';

const STYLE = [
  { selector: 'ExportDefaultDeclaration', message: 'Name what you export.' },
  { selector: 'ExportAllDeclaration', message: 'No barrels: import from the file that has it.' },
];

/**
 * The machine's clock may step: an operator or a time server sets it. A pause, deadline, age or expiry within the process
 * then lasts too long or ends at once. So these go by the monotonic clock (`performance`, or `monotonic` of
 * src/support/time.ts). Only these files read the wall clock, each for this reason.
 */
const WALL_CLOCK = {
  'src/support/time.ts': 'hands the wall clock to the parts that are tested with a simulated one',
  'src/auth/validity.ts': 'a credential expires at an absolute time; the monotonic clock bounds it as well',
  'src/auth/client-certificates.ts': 'a certificate has an absolute end',
  'src/auth/oidc/oidc-claims.ts':
    'a token has an absolute time of issue; nothing is kept from the comparison',
  'src/auth/personal-tokens/revocations.ts': 'tells an operator since when the database is unavailable',
  'src/http/connection/tls-files.ts': 'warns of the absolute end of a certificate',
  'src/http/simple/answer-head.ts': 'each answer has the time of day (RFC 9110 §6.6.1)',
  'src/kafka/broker-error.ts': 'explains a refusal by the absolute end of a certificate',
  'src/kafka/login/security.ts': 'warns of the absolute end of a certificate',
  'src/kafka/login/oauth-token.ts': 'a token in a file has an absolute end, read at each login',
  'src/kafka/login/kerberos-ticket.ts': 'GSSAPI and the KDC compare the end of a ticket with the wall clock',
  'src/kafka/producer/producer.ts': 'hands the wall clock to the parts that make batches',
  'src/kafka/cluster/cluster-watch.ts': 'the log names the moment of the first refusal',
  'src/kafka/producer/record-times.ts': 'the broker compares the time of a record with its own wall clock',
  'src/kafka/producer/leader-requests.ts': 'the broker forgets a producer by the times of its records',
  'src/pipeline/ingest.ts': 'the time of arrival is written to the record',
  'src/page/watch.ts': 'people read when an event arrived',
  'src/log.ts': 'the lines of the access log have the time of day',
  'src/proxy/front.ts': 'hands the wall clock to the pipeline, for times of arrival',
  'src/spool/spool.ts': 'the time of the start is written to the file `owner`',
  'src/spool/segment.ts': 'the time of creation is written to the file, for the age after a restart',
  'src/tracing/open-telemetry.ts': 'the times of spans are since the epoch',
  'src/tracing/open-tracing.ts': 'hands the wall clock to the spans',
  'src/delivery/delivery.ts': 'a gauge shows the wall clock, so that an alert finds a wrong one',
  'src/delivery/parked/parked-events.ts':
    'the time at which an event is parked is written to disk, to be shown',
  'src/commands/spool/spool-folder.ts': 'shows how old an event is, in a program that ends at once',
  'src/commands/dead-letters/replay.ts':
    'brokers forget the offsets of a group some days after they were committed',
  'src/commands/dead-letters/replaying.ts':
    'a time of sending is written to a record whose own time is refused',
  'src/commands/dead-letters/selection.ts': 'an operator names a time by its age',
  'src/commands/token/issue.ts': 'a token has an absolute start and end',
  'src/commands/send/endpoint.ts': 'an answer may name the time at which to try again',
  'src/commands/check-config/service-checks.ts': 'a signed assertion has an absolute start and end',
};

const WALL =
  'The wall clock may step. Use the monotonic clock, or name this file in eslint.config.js with a reason.';

const NO_WALL_CLOCK = [
  'MemberExpression[object.name="Date"][property.name="now"]',
  'NewExpression[callee.name="Date"][arguments.length=0]',
  'CallExpression[callee.name="Date"]',
  // The clock itself as a value: `{ clock: Date }`, `f(Date)`, `const clock = Date`, `clock = Date`.
  ':matches(Property, PropertyDefinition) > Identifier.value[name="Date"]',
  ':matches(CallExpression, NewExpression) > Identifier.arguments[name="Date"]',
  ':matches(VariableDeclarator > Identifier.init, AssignmentPattern > Identifier.right)[name="Date"]',
  'AssignmentExpression > Identifier.right[name="Date"]',
  'MemberExpression[property.name="wall"]',
  'ObjectPattern > Property[key.name="wall"]',
].map((selector) => ({ selector, message: WALL }));

export default tseslint.config(
  // AssemblyScript is not quite TypeScript: its own compiler checks it.
  { ignores: ['dist', 'node_modules', '.run', 'assembly', '**/*.js', '**/*.cjs'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      // A template turns a number into text by itself: no String() around it.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // Input from outside is narrowed by checks, never asserted.
      '@typescript-eslint/no-unsafe-type-assertion': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      'no-restricted-syntax': ['error', ...STYLE],
      'max-lines': ['error', { max: 500 }],
      eqeqeq: 'error',
    },
  },
  {
    // A file of the program hides one decision, and is read at one sitting.
    files: ['src/**'],
    rules: { 'max-lines': ['error', { max: 400 }] },
  },
  {
    files: ['src/**'],
    ignores: Object.keys(WALL_CLOCK),
    rules: { 'no-restricted-syntax': ['error', ...STYLE, ...NO_WALL_CLOCK] },
  },
  {
    // node:test returns promises that the runner itself awaits.
    files: ['test/**', 'tools/**', 'benchmark/**'],
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            {
              from: 'package',
              name: ['test', 'it', 'describe', 'suite', 'before', 'after'],
              package: 'node:test',
            },
          ],
        },
      ],
    },
  },
  {
    // The rest of the program names error codes. Only http knows their statuses.
    files: ['src/**'],
    ignores: ['src/http/**'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: ['**/errors.ts'],
              importNames: ['errorTable'],
              message: 'Only src/http turns an error code into a status.',
            },
          ],
        },
      ],
    },
  },
  {
    // One file reads the environment.
    files: ['src/**'],
    ignores: ['src/config/sources/environment.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message: 'Only src/config/sources/environment.ts reads the environment.',
        },
      ],
    },
  },
);
