import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { ranProgram } from '../config/child.ts';
import { fields, jobEvent, runEvent } from '../stage/sample-events.ts';

const RULES = `rules:
  - { name: noise, when: { event_type: RUNNING }, drop: true }
  - { name: foreign, when: { name: foreign }, refuse: not here }
  - { name: orphans, when: { name: orphan }, dead_letter: no owner }
  - { name: both, when: { kind: job }, topics: [team.a, team.b] }
  - { name: spark, when: { sender: spark }, topics: team.spark }
`;

void suite('http2kafka route', { timeout: 120_000 }, () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'http2kafka-route-')));
  const file = (name: string) => join(folder, name);
  const flags = ['--routing-file', file('rules.yaml')];

  before(() => {
    writeFileSync(file('rules.yaml'), RULES);
    writeFileSync(file('wrong.yaml'), RULES.replace('kind: job', 'kind: jobs'));
    writeFileSync(file('main.json'), runEvent('a'));
    const running = runEvent('a', { eventType: 'RUNNING' });
    writeFileSync(
      file('good.json'),
      `[${[jobEvent('a'), running, runEvent('orphan'), runEvent('b')].join()}]`,
    );
    writeFileSync(
      file('bad.jsonl'),
      `${runEvent('foreign').toString()}\n${JSON.stringify({ ...fields('a'), run: {} })}\n`,
    );
  });
  after(() => rmSync(folder, { recursive: true }));

  test('prints where each event goes and by which rule, and a summary', async () => {
    const { status, stdout, stderr } = await ranProgram([
      'route',
      ...flags,
      file('good.json'),
      file('main.json'),
    ]);
    assert.deepEqual([status, stderr], [0, '']);
    const good = file('good.json');
    assert.deepEqual(stdout.trimEnd().split('\n'), [
      `${good}[0]: team.a, team.b (rule both)`,
      `${good}[1]: dropped (rule noise)`,
      `${good}[2]: dead letter in input.runs__malformed (rule orphans): no owner`,
      `${good}[3]: input.runs (no rule fits)`,
      `${file('main.json')}: input.runs (no rule fits)`,
      '',
      'events  where                                 rule',
      '2       input.runs',
      '1       team.a, team.b                        both',
      '1       dropped                               noise',
      '1       dead letter in input.runs__malformed  orphans',
    ]);
  });

  test('exits with 1 if an event is refused, is not valid, or a file cannot be read', async () => {
    const { status, stdout } = await ranProgram(['route', ...flags, file('bad.jsonl'), file('absent.json')]);
    assert.equal(status, 1);
    const lines = stdout.split('\n');
    assert.equal(lines[0], `${file('bad.jsonl')}:1: refused (rule foreign): not here`);
    assert.equal(lines[1], `${file('bad.jsonl')}:2: refused, not valid: body.run.runId: Field required`);
    assert.match(lines[2] ?? '', /absent\.json: cannot be read: ENOENT/);
  });

  test('knows the sender, the main topic and the level, and prints JSON', async () => {
    const args = ['route', ...flags, '--json', '--sender', 'spark', '--topic', 'main', '--level', 'routing'];
    const spark = await ranProgram([...args, file('main.json')]);
    const route = { outcome: 'topics', topics: ['team.spark'], rule: 'spark', reason: null };
    assert.deepEqual(JSON.parse(spark.stdout), { file: file('main.json'), ...route });
    const other = await ranProgram(['route', '--json', '--topic', 'main', file('main.json')]);
    assert.deepEqual(JSON.parse(other.stdout), {
      file: file('main.json'),
      ...route,
      topics: ['main'],
      rule: null,
    });
    const loose = await ranProgram([...args, file('bad.jsonl')]);
    assert.equal(loose.status, 1);
    assert.deepEqual(loose.stdout.match(/"outcome":"[a-z]*"/g), ['"outcome":"refuse"', '"outcome":"topics"']);
  });

  test('refuses wrong rules, with their place', async () => {
    const { status, stdout, stderr } = await ranProgram([
      'route',
      '--routing-file',
      file('wrong.yaml'),
      file('main.json'),
    ]);
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(stderr, /^routing\.file: rules\[3\]\.when\.kind line 5: rule 'both': 'jobs' where/);
    const absent = await ranProgram(['route', '--routing-file', file('absent'), file('main.json')]);
    assert.equal(absent.status, 1);
    assert.match(absent.stderr, /--routing-file: '.*absent' is not a file that can be read/);
  });
});
