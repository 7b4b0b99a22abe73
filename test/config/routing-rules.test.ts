import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';
import { readRulesFile } from '../../src/routing/rules-file.ts';
import { errorsOf, loaded, temporaryFile } from './loading.ts';

const RULES = `routing:
  rules:
    - name: finance
      when:
        namespace: [trino://finance*, airflow]
        min_bytes: 1KiB
      topics: lineage.finance
    - name: noise
      when: { kind: run, event_type: running, name: 'tmp,*' }
      drop: true
    - name: foreign
      when: { sender: spark }
      refuse: not yours
    - { name: rest, dead_letter: no owner }
`;

const inFile = (test: TestContext, text: string) => ({ configFile: temporaryFile(test, 'app.yaml', text) });

suite('routing rules', () => {
  test('are read from the settings file, from a variable, and from a file of their own', (t) => {
    const { rules } = loaded(inFile(t, RULES)).settings.routing;
    assert.deepEqual(
      rules.rules.map(({ name, action }) => [name, action]),
      [
        ['finance', { kind: 'topics', topics: ['lineage.finance'] }],
        ['noise', { kind: 'drop' }],
        ['foreign', { kind: 'refuse', reason: 'not yours' }],
        ['rest', { kind: 'dead-letter', reason: 'no owner' }],
      ],
    );
    const [finance, noise] = rules.rules.map(({ when }) => JSON.parse(JSON.stringify(when)) as unknown);
    assert.deepEqual(finance, { namespace: ['trino://finance*', 'airflow'], minBytes: 1024 });
    assert.deepEqual(noise, { kind: ['run'], eventType: ['RUNNING'], name: ['tmp,*'] });
    assert.deepEqual(rules.topics, ['lineage.finance']);

    const json = JSON.stringify(rules.written);
    const environment = { HTTP2KAFKA__ROUTING__RULES: json };
    assert.deepEqual(loaded({ environment }).settings.routing.rules.rules, rules.rules);
    const own = temporaryFile(t, 'rules.yaml', RULES.replace('routing:\n', '').replace(/^ {2}/gm, ''));
    assert.deepEqual(readRulesFile(own, 'dead').list.rules, rules.rules);
  });

  test('are none without the setting, and where it is empty', (t) => {
    assert.deepEqual(loaded().settings.routing.rules.rules, []);
    assert.deepEqual(loaded(inFile(t, 'routing:\n  rules:\n')).settings.routing.rules.rules, []);
    assert.deepEqual(
      loaded({ environment: { HTTP2KAFKA__ROUTING__RULES: '' } }).settings.routing.rules.rules,
      [],
    );
  });

  const wrong: readonly (readonly [rule: string, error: RegExp])[] = [
    ['5', /^routing\.rules\[0\] in .* line 3: a rule with `name:`, `when:` and what to do was expected$/],
    ['{ drop: true }', /^routing\.rules\[0\] in .* line 3: the name is missing$/],
    ["{ name: 'a b', drop: true }", /\[0\]\.name in .*: rule 'a b': 'a b' where a name of up to 64 letters/],
    ['{ name: a }', /rule 'a': one of topics, dead_letter, refuse and drop was expected$/],
    ['{ name: a, drop: true, refuse: b }', /rule 'a': refuse and drop, where one of topics/],
    ['{ name: a, drop: false }', /\[0\]\.drop in .*: rule 'a': only true has a meaning$/],
    ['{ name: a, refuse: }', /\[0\]\.refuse in .*: rule 'a': null where a text of up to 500 characters/],
    [
      '{ name: a, topic: b }',
      /\[0\]\.topic in .*: rule 'a': there is no member 'topic'\. Did you mean topics\?$/,
    ],
    [
      '{ name: a, topics: [] }',
      /\[0\]\.topics in .*: rule 'a': \[\] where 1 to 10 different topics were expected$/,
    ],
    ['{ name: a, topics: [b, c, b] }', /where 1 to 10 different topics were expected$/],
    ['{ name: a, topics: a/b }', /rule 'a': 'a\/b' where a list of a topic name/],
    [
      '{ name: a, topics: input.runs__malformed }',
      /rule 'a': producer\.malformed_topic has dead letters only/,
    ],
    ['{ name: a, drop: true, when: 5 }', /\[0\]\.when in .*: rule 'a': 5 where conditions were expected/],
    [
      '{ name: a, drop: true, when: { kind: runs } }',
      /\[0\]\.when\.kind in .*: rule 'a': 'runs' where a list of one of run, job, dataset/,
    ],
    ['{ name: a, drop: true, when: { names: b } }', /there is no condition 'names'\. Did you mean name\?$/],
    ["{ name: a, drop: true, when: { name: '' } }", /rule 'a': it is empty, and matches no event/],
    ["{ name: a, drop: true, when: { name: ['', b] } }", /rule 'a': \[ '', 'b' \] where a list of patterns/],
    [
      '{ name: a, drop: true, when: { name: [] } }',
      /it is empty, and matches no event; remove the condition$/,
    ],
    [
      '{ name: a, drop: true, when: { min_bytes: 2, max_bytes: 1 } }',
      /no event has 2 bytes or more, and 1 or fewer$/,
    ],
    [
      '{ name: a, drop: true, when: { min_bytes: -1 } }',
      /\[0\]\.when\.min_bytes in .*: rule 'a': -1 where a size/,
    ],
  ];
  for (const [rule, error] of wrong) {
    test(`have an error that names the rule and its place: ${rule}`, (t) => {
      const [first, ...others] = errorsOf(inFile(t, `routing:\n  rules:\n    - ${rule}\n`));
      assert.match(first ?? '', error);
      assert.deepEqual(others, []);
      const file = temporaryFile(t, 'rules.yaml', `rules:\n  - ${rule}\n`);
      assert.throws(() => readRulesFile(file, 'input.runs__malformed'), /^Error: rules\[0\]/);
    });
  }

  test('have all their errors told at once, each with its line', (t) => {
    const text = RULES.replace('kind: run', 'kind: runs').replace('name: foreign', 'name: finance');
    const path = temporaryFile(t, 'app.yaml', text);
    assert.deepEqual(
      errorsOf({ configFile: path }).map((error) => error.replace(path, 'app.yaml')),
      [
        "routing.rules[1].when.kind in app.yaml line 9: rule 'noise': 'runs' where a list of one of run, job, dataset (a comma list or a JSON array) was expected",
        "routing.rules[2].name in app.yaml line 11: rule 'finance': the rule [0] has the same name",
      ],
    );
  });

  test('that are no list, or too many, are an error', (t) => {
    assert.match(
      errorsOf(inFile(t, 'routing: { rules: 5 }'))[0] ?? '',
      /line 1: 5 where a list of rules was expected$/,
    );
    const environment = { HTTP2KAFKA__ROUTING__RULES: '[{' };
    assert.match(
      errorsOf({ environment })[0] ?? '',
      /^HTTP2KAFKA__ROUTING__RULES in the environment: '\[\{' where/,
    );
    const many = JSON.stringify(
      Array.from({ length: 1001 }, (_, index) => ({ name: `a${index}`, drop: true })),
    );
    assert.match(
      errorsOf({ environment: { HTTP2KAFKA__ROUTING__RULES: many } })[0] ?? '',
      /1001 rules, where at most 1000/,
    );
    const one = { HTTP2KAFKA__ROUTING__RULES: '[{"name":"a","when":{"kind":5},"drop":true}]' };
    assert.match(
      errorsOf({ environment: one })[0] ?? '',
      /in the environment: \[0\]\.when\.kind: rule 'a': 5 where/,
    );
  });

  test('are in one place only', (t) => {
    const file = temporaryFile(t, 'rules.yaml', 'rules: []\n');
    const [error] = errorsOf(inFile(t, `${RULES}  file: ${file}\n`));
    assert.match(
      error ?? '',
      /^routing\.rules in .* line 2: routing\.file has the rules; remove one of the two$/,
    );
    assert.match(errorsOf(inFile(t, 'routing: { file: /nowhere }'))[0] ?? '', /not a file that can be read/);
  });

  const files: readonly (readonly [text: string, error: RegExp])[] = [
    ['', /a list `rules:` was expected/],
    ['[]', /a list `rules:` was expected/],
    ['rules: []\nrule: []', /a list `rules:` was expected, and no other field beside it/],
    ['rules:\n  - {', /^Error: not YAML \(.*\), line \d, column \d+$/],
    ['rules:\n  - { name: a, drop: true, when: { name: *prod } }', /put patterns in quotes$/],
    ['rules: 5', /^Error: rules line 1: 5 where a list of rules was expected$/],
  ];
  for (const [text, error] of files) {
    test(`are not read from a file that is ${JSON.stringify(text)}`, (t) => {
      assert.throws(() => readRulesFile(temporaryFile(t, 'rules.yaml', text), 'dead'), error);
    });
  }
});
