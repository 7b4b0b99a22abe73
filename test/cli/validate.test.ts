import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { ran, ranProgram, root } from '../config/child.ts';
import { fields, jobEvent, runEvent } from '../stage/sample-events.ts';

void suite('http2kafka validate', { timeout: 60_000 }, () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'http2kafka-validate-')));
  const file = (name: string) => join(folder, name);

  before(() => {
    writeFileSync(file('good.json'), runEvent('good'));
    writeFileSync(file('array.json'), ` [${runEvent('one').toString()},\n${jobEvent('two').toString()} ]`);
    writeFileSync(
      file('bad.json'),
      JSON.stringify({ ...fields('bad'), run: { runId: 'x' }, job: { name: 'x' } }),
    );
    const tolerated = {
      ...fields('tolerated'),
      ...{ producer: 'my-etl/1.0', inputs: null, eventTime: '2026-03-04T05:06:07.089Z[Europe/London]' },
    };
    const dataset = { namespace: 'others', name: 'set' };
    const job = { namespace: 'own', name: 'job' };
    writeFileSync(file('tolerated.json'), JSON.stringify({ ...tolerated, job }));
    writeFileSync(file('two-kinds.json'), JSON.stringify({ ...fields('two'), run: undefined, job, dataset }));
    writeFileSync(file('mixed.json'), `[${runEvent('one').toString()}, {}, 7]`);
    writeFileSync(file('broken.json'), '{"a": 1,\n "b": }');
  });
  after(() => rmSync(folder, { recursive: true }));

  test('accepts valid events, single and in arrays, without Kafka', async () => {
    const { status, stdout, stderr } = await ranProgram(['validate', file('good.json'), file('array.json')]);
    assert.deepEqual([status, stderr], [0, '']);
    assert.equal(stdout, '3 good, 0 bad (level core)\n');
  });

  test('prints a line with the file and the location for each validation error', async () => {
    const files = ['good', 'bad', 'mixed', 'broken', 'absent'].map((name) => file(`${name}.json`));
    const { status, stdout, stderr } = await ranProgram(['validate', ...files]);
    assert.deepEqual([status, stderr], [1, '']);
    const lines = stdout.trimEnd().split('\n');
    assert.equal(lines.pop(), '2 good, 5 bad (level core)');
    assert.deepEqual(lines.filter((line) => line.startsWith(file('bad.json'))).sort(), [
      `${file('bad.json')}: body.job.namespace: Field required`,
      `${file('bad.json')}: body.run.runId: Input should be a valid UUID`,
    ]);
    assert.ok(lines.some((line) => line.startsWith(`${file('mixed.json')}[1]: body.run: Field required`)));
    assert.ok(lines.includes(`${file('mixed.json')}[2]: body: Input should be a valid object`));
    assert.ok(
      lines.some(
        (line) =>
          line.startsWith(`${file('broken.json')}: body: Invalid JSON: `) &&
          line.endsWith('(line 2, column 7)'),
      ),
    );
    assert.ok(lines.some((line) => line.startsWith(`${file('absent.json')}: ENOENT`)));
  });

  test('accepts small deviations from the specification', async () => {
    const { status, stdout, stderr } = await ranProgram(['validate', file('tolerated.json')]);
    assert.deepEqual([status, stderr], [0, '']);
    assert.equal(stdout, '1 good, 0 bad (level core)\n');
  });

  test('names the two kinds of an event that fits both', async () => {
    const { status, stdout } = await ranProgram(['validate', file('two-kinds.json')]);
    assert.equal(status, 1);
    assert.match(stdout, /: body: .* with `job` it is a job event, with `dataset` it is a dataset event\n/);
  });

  test('checks at the level of --check-level', async () => {
    const { status, stdout } = await ranProgram(['validate', '--check-level', 'routing', file('bad.json')]);
    assert.equal(status, 1);
    assert.match(stdout, /body\.job\.namespace: Field required\n0 good, 1 bad \(level routing\)\n$/);
    assert.doesNotMatch(stdout, /runId/);
  });

  test('reports a missing argument', async () => {
    const { status, stderr } = await ranProgram(['validate']);
    assert.equal(status, 2);
    assert.match(stderr, /missing required argument 'file'/);
  });

  test('runs as built, through a link in another folder', async () => {
    symlinkSync(join(root, 'bin/http2kafka'), file('linked'));
    const { status, stdout, stderr } = await ran(file('linked'), ['validate', file('good.json')]);
    assert.deepEqual([status, stderr], [0, '']);
    assert.equal(stdout, '1 good, 0 bad (level core)\n');
  });
});
