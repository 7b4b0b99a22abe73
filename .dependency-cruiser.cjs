/**
 * Which way imports may go. An event walks one way through the house: http → auth → openlineage → routing → delivery → kafka and spool;
 * `errors`, `metrics` (with `tally`), `log`, `version`, `package-folder`, `file-watch` and `time-limit` know nobody, and `commands` (the composition root) knows all.
 */
const parts = ['config', 'auth', 'openlineage', 'routing', 'kafka', 'spool', 'delivery', 'http', 'commands'];

/** What each part may import of the others. */
const mayImport = {
  config: [],
  auth: [],
  openlineage: [],
  routing: [],
  kafka: [],
  spool: [],
  delivery: ['kafka', 'spool'],
  http: ['auth', 'openlineage', 'routing', 'kafka', 'delivery'],
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
      name: 'the-table-files-know-nobody',
      severity: 'error',
      from: { path: '^src/(errors|metrics|tally|log|version|package-folder|file-watch|time-limit)[.]ts$' },
      to: { path: '^src/', pathNot: '^src/(tally|package-folder)[.]ts$' },
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
        path: `^src/(${parts.filter((other) => other !== part && !allowed.includes(other)).join('|')})/`,
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
