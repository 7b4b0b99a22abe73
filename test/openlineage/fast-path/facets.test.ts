import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { scanEvent } from '../../../src/openlineage/scanner.ts';
import { datasetEvent, jobEvent, runEvent, runWith } from '../events.ts';
import { outcomeOf, withText } from './both-checks.ts';

const bare = '{"a":1}';
const full = '{"_producer":"a:b","_schemaURL":"a:b"}';
const thing = { namespace: 'data', name: 'set' };

/** Events with facets at each place that may have them; HERE is replaced by the facets. */
const bearers: readonly (readonly [what: string, event: object])[] = [
  ['of a run', runEvent({ run: runWith('HERE') })],
  ['of a job', runEvent({ job: { ...thing, facets: 'HERE' } })],
  ["of a job event's job", jobEvent({ job: { facets: 'HERE', ...thing } })],
  ['of a dataset', datasetEvent({ dataset: { ...thing, facets: 'HERE' } })],
  ['of a dataset read', runEvent({ inputs: [thing, { ...thing, facets: 'HERE' }] })],
  ['of a dataset written', jobEvent({ outputs: [{ ...thing, facets: 'HERE' }, thing] })],
  ['of reading', runEvent({ inputs: [{ ...thing, facets: {}, inputFacets: 'HERE' }] })],
  ['of writing', runEvent({ outputs: [{ ...thing, outputFacets: 'HERE' }] })],
];

/** Facets that the fast path accepts, and whether one of them lacks its base: `_producer` or `_schemaURL`. */
const taken: readonly (readonly [facets: string, isBare: boolean])[] = [
  ...(
    ['{}', `{"a":${full}}`, `{"a":${full},"b":${full}}`, `{"":${full}}`, `{"__proto__":${full}}`] as const
  ).map((facets) => [facets, false] as const),
  ...([`{"a":${bare}}`, `{"a":${full},"b":${bare}}`, `{"a":${bare},"b":${full}}`, '{"":{}}'] as const).map(
    (facets) => [facets, true] as const,
  ),
  [`{"a":${bare},"b":${bare},"c":{}}`, true],
  [`{"__proto__":{}}`, true],
  [`{"constructor":{},"toString":${full}}`, true],
  ['{"a":{"_producer":"a:b"}}', true],
  ['{"a":{"_schemaURL":"a:b"}}', true],
  ['{"a":{"_schemaURL":"","_producer":""}}', false],
  ['{"a":{"_schemaURL":"Ж","x":{"_producer":"a"}}}', true],
  ['{"a":{"x":[{"_schemaURL":"a"}],"_producer":"a:b","_schemaURL":"\\ud800"}}', false],
  // When two facets have the same name, the later one counts.
  [`{"a":${full},"a":${bare}}`, true],
  [`{"a":${full},"a":${full}}`, false],
  [`{"Ж":${full},"Ж":{}}`, true],
  [`{"parent":${bare}}`, true],
  [`{"parent":${full}}`, false],
];

/** Facets that are null, or some of them are. The fast path accepts them, too. */
const nulls: readonly (readonly [facets: string, isBare: boolean])[] = [
  ...['null', '{"a":null}', `{"a":null,"b":${full}}`, `{"b":${full},"a":null}`, '{"__proto__":null}'].map(
    (facets) => [facets, false] as const,
  ),
  ...['{"a":null,"b":null,"c":null}', `{"a":null,"b":${full},"b":${full}}`, '{"":null}'].map(
    (facets) => [facets, false] as const,
  ),
  ['{"parent":null}', false],
  // When two facets have the same name, the later one counts.
  [`{"a":${full},"a":null}`, false],
  [`{"a":null,"b":${bare}}`, true],
  [`{"b":${bare},"a":null}`, true],
  // The first null stays, so another null may be overwritten.
  [`{"a":null,"b":null,"b":${full}}`, false],
];

/** Facets that the fast path may leave to the full check. If it accepts them, the results must be the same. */
const doubtful = [
  ...[`{"a":${bare},"a":${full}}`, `{"a":${bare},"a":${bare}}`, `{"a":${bare},"b":${full},"a":${full}}`],
  ...['[]', `{"a":null,"a":${full}}`, '{"a":null,"a":null}', '{"a":nul}', '{"a":nulll}', '{"a":null1}'],
  ...[`{"a":null,"b":null,"a":${full}}`, `{"a":null,"\\u0061":${full}}`, `{"parent":null,"parent":${full}}`],
  ...[`{"a":null,"a":${bare}}`, `{"a":${bare},"a":null}`, `{"__proto__":null,"__proto__":{}}`, 'nul', 'nulL'],
  ...[`{"a":${bare},"b":${bare},"a":${full}}`, `{"a":${bare},"b":${bare},"b":${full}}`, `{"":{},"":${full}}`],
  '"a"',
  ...[`{"b":${bare},"a":${bare},"a":${full},"b":${full}}`, `{"Ж":{},"\\u0416":${full}}`],
  `{"\\u0061":{},"a":${full}}`,
  ...[`{"a":${bare},"\\u0061":${full}}`, `{"a":{"_producer":null,"_schemaURL":"a"}}`],
  ...['{"a":{"_producer":1}}', '{"a":1}'],
  '{"a":{"_producer":"a","_schemaURL":"a","_producer":1}}',
  '{"a":{"_producer":1,"_schemaURL":"a","_producer":"a"}}',
  '{"a":{"_producer":"a","_schemaURL":"a","_schemaURL":{}}}',
  '{"a":{"_producer":"a","_schemaURL":"a","_\\u0073chemaURL":1}}',
  ...['{"a":{"_\\u0070roducer":"a","_schemaURL":"a"}}', '{"a":null}', '{"a":[]}', '{"a":{},"a":null}'],
  '{"a":null,"a":{}}',
  ...[`{"__proto__":{},"__proto__":${full}}`, '{"__proto__":null}', '{"__proto__":1}'],
  `{"parent":${bare},"parent":${full}}`,
  ...[`{"parent":${full},"parent":${bare}}`, `{"a":${bare},"aa":${full},"a":${full}}`, '0', 'true'],
  '{"a":"b"}',
];

suite('facets on the fast path', () => {
  for (const [what, event] of bearers) {
    test(`are accepted with and without a base: ${what}`, () => {
      for (const [facets, isBare] of taken) {
        const bytes = withText(event, facets);
        assert.equal(outcomeOf(bytes), 'fast path', facets);
        assert.deepEqual(scanEvent(bytes)?.deviations, isBare ? ['facet_base_missing'] : [], facets);
      }
    });

    test(`are accepted when they are null: ${what}`, () => {
      for (const [facets, isBare] of nulls) {
        const bytes = withText(event, facets);
        assert.equal(outcomeOf(bytes), 'fast path', facets);
        const deviations = isBare ? ['facet_base_missing', 'null_member'] : ['null_member'];
        assert.deepEqual(scanEvent(bytes)?.deviations, deviations, facets);
      }
    });

    test(`give the same result as in the full check, or are left to it: ${what}`, () => {
      for (const facets of doubtful) outcomeOf(withText(event, facets));
    });
  }

  test('give the same result as in the full check where the kind of event has no facets', () => {
    for (const facets of [...[...taken, ...nulls].map(([one]) => one), ...doubtful]) {
      for (const event of [
        datasetEvent({ inputs: [{ ...thing, facets: 'HERE' }] }),
        runEvent({ outputs: [{ ...thing, inputFacets: 'HERE' }] }),
        runEvent({ inputs: [{ ...thing, outputFacets: 'HERE' }] }),
        jobEvent({ job: { ...thing, inputFacets: 'HERE' } }),
        datasetEvent({ dataset: { ...thing, outputFacets: 'HERE' } }),
        jobEvent({ facets: 'HERE' }),
        runEvent({ inputFacets: 'HERE', run: { ...runWith({}), outputFacets: {} } }),
        jobEvent({ job: { ...thing, facets: { a: { facets: 'HERE' } } } }),
      ]) {
        outcomeOf(withText(event, facets));
      }
    }
  });

  test('may be 300 in one run', () => {
    const many = Array.from({ length: 300 }, (_, index) => `"facet ${index}":${index === 150 ? bare : full}`);
    const again = (index: number) => [...many, `"facet ${index}":${full}`];
    const inRun = (facets: string[]) => withText(runEvent({ run: runWith('HERE') }), `{${facets.join()}}`);
    assert.equal(outcomeOf(inRun(many)), 'fast path');
    assert.equal(outcomeOf(inRun(again(149))), 'fast path');
    assert.notEqual(outcomeOf(inRun(again(150))), 'refused');
    assert.equal(outcomeOf(inRun(again(151))), 'fast path');
  });
});

suite('a parent on the fast path', () => {
  const job = (name: string) => `{"namespace":"${name}","name":"${name}"}`;
  const usable: readonly (readonly [parent: string, key: string])[] = [
    ['{}', 'run:jobs/own'],
    [`{"job":${job('p')}}`, 'run:p/p'],
    [`{"job":${job('p')},"root":{"job":${job('r')}}}`, 'run:r/r'],
    [`{"root":{"job":${job('r')}},"job":${job('p')}}`, 'run:r/r'],
    [`{"root":{"job":${job('r')}}}`, 'run:r/r'],
    [`{"root":{"run":{"runId":"1"},"job":${job('ж')},"x":1},"run":{},"_producer":"a"}`, 'run:ж/ж'],
    [`{"job":${job('\\u0436')}}`, 'run:ж/ж'],
    [`{"job":${job('')}}`, 'run:/'],
    [`{"job":${job('p')},"root":{}}`, 'run:p/p'],
    [`{"job":${job('p')},"root":{"job":{}}}`, 'run:p/p'],
    [`{"job":${job('p')},"root":{"job":{"namespace":"r"}}}`, 'run:p/p'],
    [`{"job":${job('p')},"root":{"job":{"name":"r"}}}`, 'run:p/p'],
    [`{"job":${job('p')},"root":{"namespace":"r","name":"r"}}`, 'run:p/p'],
    [`{"namespace":"r","name":"r"}`, 'run:jobs/own'],
    ['null', 'run:jobs/own'],
    [`{"job":{"namespace":"p"},"root":{"job":{"name":"r"}}}`, 'run:jobs/own'],
    ...['null', '1', '"x"', '[]', 'true', `[${job('x')}]`].flatMap((odd) => [
      [`{"job":${odd}}`, 'run:jobs/own'] as const,
      [`{"job":${job('p')},"root":${odd}}`, 'run:p/p'] as const,
      [`{"job":${job('p')},"root":{"job":${odd}}}`, 'run:p/p'] as const,
      [`{"root":{"job":${job('r')}},"job":${odd}}`, 'run:r/r'] as const,
    ]),
  ];
  const parentOf = (parent: string) => withText(runEvent({ run: runWith({ parent: 'HERE' }) }), parent);

  for (const [parent, key] of usable) {
    test(`gives the key ${key}: ${parent}`, () => {
      assert.equal(outcomeOf(parentOf(parent)), 'fast path');
      assert.equal(scanEvent(parentOf(parent))?.key.toString(), key);
    });
  }

  test('gives the same result as in the full check when it is odd, or is left to it', () => {
    for (const odd of ['null', '[]', '{}', '1', '"x"', '"\\ud800"', '""', '"\\u0436"']) {
      for (const inner of [
        `"namespace":${odd},"name":"a"`,
        `"name":${odd},"namespace":"a"`,
        `"name":"a","name":${odd}`,
      ]) {
        for (const one of [`{${inner}}`, `{${inner},"namespace":"b"}`, `{"n\\u0061me":"z",${inner}}`]) {
          outcomeOf(parentOf(`{"job":${one}}`));
          outcomeOf(parentOf(`{"job":${job('p')},"job":${one}}`));
          outcomeOf(parentOf(`{"job":${one},"job":${job('p')}}`));
          outcomeOf(parentOf(`{"j\\u006fb":${one},"job":${job('p')}}`));
          outcomeOf(parentOf(`{"root":{"job":${one}},"job":${job('p')}}`));
          outcomeOf(parentOf(`{"root":{"job":${one}},"root":{"job":${job('r')}}}`));
          outcomeOf(parentOf(`{"root":{"job":${job('r')}},"root":{"job":${one}}}`));
          outcomeOf(parentOf(`{"root":{"job":${job('r')},"job":${one}}}`));
          outcomeOf(parentOf(`{"r\\u006fot":{"job":${one}},"root":{"job":${job('r')}}}`));
        }
      }
    }
  });

  test('that comes twice gives the same result as in the full check, or is left to it', () => {
    const objects = usable.slice(1, 12).map(([parent]) => parent);
    // With a base as well: a bare facet that comes twice is left to the full check, whether it is a parent or not.
    const based = objects.map((parent) => `${full.slice(0, -1)},${parent.slice(1)}`);
    const parents = ['{}', full, 'null', ...objects, ...based];
    for (const one of parents) {
      for (const other of parents) {
        for (const key of ['parent', '\\u0070arent']) {
          outcomeOf(withText(runEvent({ run: runWith('HERE') }), `{"parent":${one},"${key}":${other}}`));
          outcomeOf(
            withText(runEvent({ run: runWith('HERE') }), `{"${key}":${one},"x":{},"parent":${other}}`),
          );
        }
      }
    }
  });

  test('counts only in a run event, and only as the parent facet of the run', () => {
    const parent = { job: { namespace: 'p', name: 'p' }, root: { job: { namespace: 'r', name: 'r' } } };
    for (const event of [
      runEvent({ job: { ...thing, facets: { parent } } }),
      runEvent({ inputs: [{ ...thing, facets: { parent }, inputFacets: { parent } }] }),
      runEvent({ parent, run: { ...runWith({}), parent } }),
      runEvent({ run: runWith({ Parent: parent, 'parent ': parent, x: { parent } }) }),
      runEvent({ run: runWith({ x: parent }), root: parent.root }),
      jobEvent({ job: { ...thing, facets: { parent } } }),
      jobEvent({ facets: { parent } }),
      datasetEvent({ dataset: { ...thing, facets: { parent } } }),
    ]) {
      assert.equal(outcomeOf(JSON.stringify(event)), 'fast path');
      const key = scanEvent(Buffer.from(JSON.stringify(event)))?.key.toString() ?? '';
      assert.ok(!/[pr]\/[pr]/.test(key), key);
    }
  });
});
