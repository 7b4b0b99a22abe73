import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { ran, ranProgram, root } from '../config/child.ts';
import { fields, jobEvent, runEvent } from '../stage/sample-events.ts';

const Result = Type.Object({
  file: Type.String(),
  index: Type.Optional(Type.Integer()),
  line: Type.Optional(Type.Integer()),
  valid: Type.Boolean(),
  errors: Type.Array(Type.Object({ message: Type.String() })),
});

const Named = Type.Object({ naming: Type.Array(Type.Unknown()) });

void suite('http2kafka validate', { timeout: 120_000 }, () => {
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

  test('checks at the level of --level, the same setting', async () => {
    const both = ['--check-level', 'core', '--level', 'routing'];
    const last = await ranProgram(['validate', ...both, file('good.json')]);
    assert.equal(last.stdout, '1 good, 0 bad (level routing)\n');
    const wrong = await ranProgram(['validate', '--level', 'loud', file('good.json')]);
    assert.deepEqual([wrong.status, wrong.stdout], [1, '']);
    assert.match(wrong.stderr, /^ {2}--level: 'loud' where one of routing, core/m);
  });

  test('reads JSON lines and gzip, and names the line', async () => {
    const lines = `${runEvent('one').toString()}\r\n\n{}\n${jobEvent('two').toString()}`;
    for (const name of ['lines.txt', 'lines.jsonl', 'lines.jsonl.gz', 'lines.gz']) {
      writeFileSync(file(name), name.endsWith('.gz') ? gzipSync(lines) : lines);
      const { status, stdout, stderr } = await ranProgram(['validate', file(name)]);
      assert.deepEqual([status, stderr], [1, '']);
      const printed = stdout.trimEnd().split('\n');
      assert.equal(printed.pop(), '2 good, 1 bad (level core)');
      assert.ok(printed.includes(`${file(name)}:3: body.run: Field required`), stdout);
      assert.ok(printed.every((line) => line.startsWith(`${file(name)}:3: `)));
    }
    // The first event of the file is broken: only the name says that there are lines.
    writeFileSync(file('first.jsonl'), `{\n${runEvent('one').toString()}\n`);
    const { stdout } = await ranProgram(['validate', file('first.jsonl')]);
    assert.match(stdout, /first\.jsonl:1: body: Invalid JSON.*\n1 good, 1 bad/);
  });

  test('reads standard input', async () => {
    const script = `cat '${file('mixed.json')}' | '${process.execPath}' -- src/main.ts validate '${file('good.json')}' -`;
    const { status, stdout } = await ran('sh', ['-c', script]);
    assert.equal(status, 1);
    assert.match(stdout, /^-\[2\]: body: Input should be a valid object$/m);
    assert.match(stdout, /\n2 good, 2 bad \(level core\)\n$/);
  });

  test('reads the files of a folder, and of the folders in it', async () => {
    const top = file('folder');
    mkdirSync(join(top, 'inner'), { recursive: true });
    writeFileSync(
      join(top, 'inner', 'b.jsonl'),
      `${runEvent('b').toString()}\n${runEvent('c').toString()}\n`,
    );
    writeFileSync(join(top, 'a.json'), '{}');
    writeFileSync(join(top, 'notes.txt'), 'no event');
    const { status, stdout } = await ranProgram(['validate', top]);
    assert.equal(status, 1);
    const files = stdout.split('\n').map((line) => line.split(': ')[0]);
    assert.deepEqual([...new Set(files)], [join(top, 'a.json'), '2 good, 1 bad (level core)', '']);
  });

  test('says what is wrong with a folder without events, and with a damaged gzip file', async () => {
    mkdirSync(file('empty'));
    writeFileSync(file('damaged.gz'), gzipSync('{}').subarray(0, 12));
    const { status, stdout } = await ranProgram(['validate', file('empty'), file('damaged.gz')]);
    assert.equal(status, 1);
    const [first, second] = stdout.split('\n');
    assert.match(String(first), /empty: this folder has no file that ends in \.json, /);
    assert.match(String(second), /damaged\.gz: gzip cannot be decompressed: /);
  });

  test('counts the events whose datasets are named against the rules, each with its first one', async () => {
    const of = (...outputs: object[]) =>
      JSON.stringify({ ...fields('named'), ...JSON.parse(runEvent('x').toString()), outputs });
    const good = { namespace: 'postgres://db:5432', name: 'shop.public.orders' };
    const short = { namespace: 'postgres://db:5432', name: 'public.orders' };
    const own = (name: string) => ({ namespace: 'mine', name });
    const lines = [of(good), of(own('one'), own('two'), short), of(own('three'))];
    writeFileSync(file('named.jsonl'), `${lines.join('\n')}\n`);
    const shown = await ranProgram(['validate', file('named.jsonl')]);
    assert.deepEqual([shown.status, shown.stderr], [0, '']);
    const against = 'of the 3 good ones name a dataset against the rules';
    assert.deepEqual(shown.stdout.trimEnd().split('\n'), [
      '3 good, 0 bad (level core)',
      `2 ${against} (unknown_store): "one" in "mine", ${file('named.jsonl')}:2`,
      `1 ${against} (name_form): "public.orders" in "postgres://db:5432", ${file('named.jsonl')}:2`,
    ]);
    const { stdout } = await ranProgram(['validate', '--json', file('named.jsonl')]);
    const results = stdout
      .trimEnd()
      .split('\n')
      .map((line) => Value.Parse(Named, JSON.parse(line)));
    const deviations = [
      { deviation: 'unknown_store', ...own('one') },
      { deviation: 'name_form', ...short },
    ];
    assert.deepEqual(
      results.map(({ naming }) => naming),
      [[], deviations, [{ deviation: 'unknown_store', ...own('three') }]],
    );
  });

  test('prints a JSON object for each event with --json', async () => {
    const files = ['good.json', 'mixed.json', 'absent.json'].map(file);
    const { status, stdout, stderr } = await ranProgram(['validate', '--json', ...files]);
    assert.deepEqual([status, stderr], [1, '']);
    const results = stdout
      .trimEnd()
      .split('\n')
      .map((line) => Value.Parse(Result, JSON.parse(line)));
    assert.deepEqual(
      results.map((result) => ({ ...result, errors: result.errors.length > 0 })),
      [
        { file: files[0], valid: true, errors: false, naming: [] },
        { file: files[1], index: 0, valid: true, errors: false, naming: [] },
        { file: files[1], index: 1, valid: false, errors: true },
        { file: files[1], index: 2, valid: false, errors: true },
        { file: files[2], valid: false, errors: true },
      ],
    );
    assert.deepEqual(results[3]?.errors, [
      {
        location: ['body'],
        message: 'Input should be a valid object',
        code: 'dict_type',
        context: {},
        input: 7,
      },
    ]);
    assert.match(String(results[4]?.errors[0]?.message), /^ENOENT/);
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
