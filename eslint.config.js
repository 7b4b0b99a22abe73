import tseslint from 'typescript-eslint';

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
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'Name what you export.' },
        { selector: 'ExportAllDeclaration', message: 'No barrels: import from the file that has it.' },
      ],
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
