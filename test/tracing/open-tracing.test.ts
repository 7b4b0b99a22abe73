/** When traces are asked for, and what an operator sees where their packages are missing. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { asksForTraces, TRACING_PACKAGE } from '../../src/tracing/open-tracing.ts';
import { formatTraceparent, isSampled, parseTraceparent } from '../../src/tracing/trace-context.ts';
import { ran, root } from '../config/child.ts';
import { programWithout } from '../config/program-copy.ts';

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:4318' };

suite('traces', () => {
  const asked: readonly (readonly [environment: Record<string, string>, isAsked: boolean])[] = [
    [{}, false],
    [{ OTEL_SERVICE_NAME: 'lineage', OTEL_TRACES_SAMPLER: 'always_on' }, false],
    [ENDPOINT, true],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://localhost:4318/v1/traces' }, true],
    [{ OTEL_TRACES_EXPORTER: 'otlp' }, true],
    [{ OTEL_TRACES_EXPORTER: 'console' }, true],
    [{ ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }, false],
    [{ ...ENDPOINT, OTEL_SDK_DISABLED: 'TRUE' }, false],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: '  ' }, false],
  ];
  for (const [environment, isAsked] of asked) {
    test(`are ${isAsked ? '' : 'not '}asked for by ${JSON.stringify(environment)}`, () => {
      assert.equal(asksForTraces(environment), isAsked);
    });
  }

  test('need packages that are optional, in the versions of the tests', () => {
    const versions = Type.Record(Type.String(), Type.String());
    const optional = Type.Record(Type.String(), Type.Object({ optional: Type.Literal(true) }));
    const manifest = Type.Object({
      devDependencies: versions,
      peerDependencies: versions,
      peerDependenciesMeta: optional,
    });
    const text = readFileSync(join(root, 'package.json'), 'utf8');
    const { devDependencies, peerDependencies, peerDependenciesMeta } = Value.Parse(
      manifest,
      JSON.parse(text),
    );
    const { name, version, with: others = [] } = TRACING_PACKAGE;
    for (const wanted of [`${name}@${version}`, ...others]) {
      const [, own = '', number = ''] = /^(.+)@(.+)$/.exec(wanted) ?? [];
      assert.equal(devDependencies[own], number);
      assert.equal(peerDependencies[own], `^${number}`);
      assert.ok(peerDependenciesMeta[own]?.optional);
    }
  });
});

test('without its packages the proxy starts, and check-config and the log have the command that installs them', async (t) => {
  const folder = programWithout(t, ['@opentelemetry']);
  const environment = { HTTP2KAFKA__KAFKA__BOOTSTRAP_SERVERS: '127.0.0.1:1', ...ENDPOINT };
  const program = join(folder, 'src/main.ts');
  const command = `npm install --prefix ${join(folder, 'tracing')} @opentelemetry/sdk-node@0.301.0 @opentelemetry/api@1.10.0`;
  const checked = await ran(process.execPath, [program, 'check-config'], environment);
  assert.ok(`${checked.stdout}${checked.stderr}`.includes(`Run \`${command}\``), JSON.stringify(checked));
  assert.equal(checked.status, 0);
  const child = spawn(process.execPath, [program, '--port', '0', '--spool-path', join(folder, 'spool')], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  for await (const text of child.stderr.setEncoding('utf8')) {
    log += String(text);
    if (log.includes('listens on')) child.kill();
  }
  assert.ok(log.includes(`there are no traces: tracing`) && log.includes(command), log);
});

test('a traceparent is read as it is written, and nothing else is one', () => {
  const text = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const context = parseTraceparent(text);
  assert.ok(context && isSampled(context));
  assert.equal(formatTraceparent(context), text);
  for (const wrong of [
    undefined,
    '',
    text.replace('00-', 'ff-'),
    `${text}-x`,
    text.toUpperCase(),
    text.slice(1),
  ])
    assert.equal(parseTraceparent(wrong), undefined);
  const unsampled = parseTraceparent(text.replace(/01$/, '02'));
  assert.ok(unsampled && !isSampled(unsampled));
});
