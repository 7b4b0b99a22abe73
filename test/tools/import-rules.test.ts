import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import Type from 'typebox';
import { Value } from 'typebox/value';
import { temporaryFolder } from '../../tools/kafka/folders.ts';

const root = join(import.meta.dirname, '..', '..');

const Rules = Type.Object({ forbidden: Type.Array(Type.Object({ name: Type.String() })) });
const Result = Type.Object({
  summary: Type.Object({
    violations: Type.Array(Type.Object({ from: Type.String(), rule: Type.Object({ name: Type.String() }) })),
  }),
});

/** For each rule, a file that breaks it: where it stands, and what it imports. */
const broken: Readonly<Record<string, readonly [file: string, imported: string]>> = {
  'no-circles': ['src/support/circle.ts', './half-circle.ts'],
  'nothing-unresolved': ['src/support/lost.ts', './nowhere.ts'],
  'no-development-packages': ['src/support/development.ts', 'echarts'],
  'root-files-know-no-part': ['src/log.ts', './metrics/tally.ts'],
  'support-imports-one-way': ['src/support/wrong.ts', '../metrics/tally.ts'],
  'metrics-imports-one-way': ['src/metrics/wrong.ts', '../config/load.ts'],
  'config-imports-one-way': ['src/config/wrong.ts', '../kafka/record.ts'],
  'openlineage-imports-one-way': ['src/openlineage/wrong.ts', '../pipeline/ingest.ts'],
  'spool-imports-one-way': ['src/spool/wrong.ts', '../delivery/port.ts'],
  'auth-imports-one-way': ['src/auth/wrong.ts', '../http/paths.ts'],
  'kafka-imports-one-way': ['src/kafka/wrong.ts', '../spool/disk.ts'],
  'delivery-imports-one-way': ['src/delivery/wrong.ts', '../pipeline/arrival.ts'],
  'routing-imports-one-way': ['src/routing/wrong.ts', '../pipeline/arrival.ts'],
  'pipeline-imports-one-way': ['src/pipeline/wrong.ts', '../http/paths.ts'],
  'page-imports-one-way': ['src/page/wrong.ts', '../http/paths.ts'],
  'http-imports-one-way': ['src/http/wrong.ts', '../kafka/record.ts'],
  'proxy-imports-one-way': ['src/proxy/wrong.ts', '../commands/serve.ts'],
  'tracing-imports-one-way': ['src/tracing/wrong.ts', '../pipeline/arrival.ts'],
  'only-kafka-knows-the-kafka-client': ['src/delivery/client.ts', '@platformatic/kafka'],
  'only-tracing-knows-open-telemetry': ['src/http/spans.ts', '@opentelemetry/sdk-node'],
  'others-see-records-and-the-port-of-kafka': ['src/delivery/inner.ts', '../kafka/producer/producer.ts'],
  'others-see-the-port-of-delivery': ['src/http/inner.ts', '../delivery/delivery.ts'],
  'the-core-knows-no-http': ['src/pipeline/request.ts', 'node:http'],
  'the-core-knows-no-error-table': ['src/delivery/codes.ts', '../errors.ts'],
  'the-front-names-no-broker': ['src/proxy/front-wrong.ts', '../kafka/record.ts'],
  'the-core-names-no-request': ['src/proxy/core-wrong.ts', '../http/exchange.ts'],
};

function rules(): readonly string[] {
  const loaded: unknown = createRequire(import.meta.url)(join(root, '.dependency-cruiser.cjs'));
  return Value.Parse(Rules, loaded).forbidden.map(({ name }) => name);
}

/** The rules that the check reports for a copy of the source with these files in it, by the file that breaks them. */
function reported(): ReadonlySet<string> {
  const folder = temporaryFolder('http2kafka-imports-');
  for (const name of ['src', 'package.json', 'tsconfig.json', '.dependency-cruiser.cjs']) {
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'src/support/half-circle.ts'), "import './circle.ts';\n");
  for (const [file, imported] of Object.values(broken)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), `import '${imported}';\n`, { flag: 'a' });
  }
  const program = join(root, 'node_modules', '.bin', 'depcruise');
  const args = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', 'src'];
  const { stdout } = spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  const { violations } = Value.Parse(Result, JSON.parse(stdout)).summary;
  return new Set(violations.map(({ from, rule }) => `${rule.name} ${from}`));
}

void suite('the import rules', () => {
  test('have an example each of what breaks them', () => {
    const always = ['commands-imports-one-way'];
    assert.deepEqual([...Object.keys(broken), ...always].sort(), [...rules()].sort());
  });

  test('hold for the source', () => {
    const program = join(root, 'node_modules', '.bin', 'depcruise');
    execFileSync(process.execPath, [program, '--config', '.dependency-cruiser.cjs', 'src'], { cwd: root });
  });

  test('are reported where they are broken', () => {
    const found = reported();
    for (const [rule, [file]] of Object.entries(broken)) {
      assert.ok(found.has(`${rule} ${file}`), `${rule} is reported for ${file}`);
    }
  });
});
