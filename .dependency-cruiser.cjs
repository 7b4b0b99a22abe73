/**
 * The import rules. An event walks one way through the house, and imports go the same way:
 *
 *     http → pipeline → delivery → kafka, spool
 *
 * `auth` and `openlineage` are asked on the way. `proxy` builds the parts, `commands` run them. `errors`, `log`, `version`, `metrics` and
 * `support` serve several parts and know none of them.
 */
const parts = [
  'config',
  'auth',
  'openlineage',
  'pipeline',
  'kafka',
  'spool',
  'delivery',
  'http',
  'metrics',
  'support',
  'proxy',
  'commands',
];

/** What each part may import of the others; every part may import `support`. */
const mayImport = {
  support: [],
  metrics: [],
  config: [],
  auth: ['metrics'],
  openlineage: [],
  kafka: ['metrics'],
  spool: [],
  delivery: ['kafka', 'spool', 'metrics'],
  pipeline: ['auth', 'openlineage', 'delivery', 'kafka', 'metrics', 'http'],
  http: ['auth', 'openlineage', 'pipeline', 'kafka', 'delivery', 'metrics'],
  proxy: ['config', 'auth', 'openlineage', 'pipeline', 'kafka', 'spool', 'delivery', 'http', 'metrics'],
};

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'files-at-the-root-know-no-part',
      severity: 'error',
      from: { path: '^src/(errors|log|version)[.]ts$' },
      to: { path: '^src/', pathNot: '^src/support/' },
    },
    {
      name: 'only-kafka-knows-the-kafka-client',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/kafka/' },
      to: { path: 'node_modules/(@platformatic/kafka|@node-rs/crc32|kerberos)/' },
    },
    {
      name: 'nothing-unresolved',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-development-packages',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
    ...Object.entries(mayImport).map(([part, allowed]) => ({
      name: `${part}-goes-one-way`,
      severity: 'error',
      from: { path: `^src/${part}/` },
      to: {
        path: `^src/(${parts.filter((other) => other !== part && other !== 'support' && !allowed.includes(other)).join('|')})/`,
      },
    })),
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
