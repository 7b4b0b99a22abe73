import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { scanArray, scanEvent } from '../../../src/openlineage/scanner.ts';
import { datasetEvent, jobEvent, runEvent, runWith, withTexts } from '../events.ts';
import { assertSameElements, fastPathAccepts, outcomeOf, withText } from './both-checks.ts';

const MEBIBYTE = 1024 * 1024;
const PAGE = 64 * 1024;

suite('depth on the fast path', () => {
  const arrays = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
  const objects = (levels: number) => `${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`;
  const mixed = (levels: number): string =>
    levels % 2 === 0 ? '[{"a":'.repeat(levels / 2) + '1' + '}]'.repeat(levels / 2) : `[${mixed(levels - 1)}]`;
  const full = (levels: number) => '[{},'.repeat(levels) + '[1]' + ',"]"]'.repeat(levels);

  for (const [what, nested] of Object.entries({ arrays, objects, mixed })) {
    test(`has the same limit as in the full check: ${what}`, () => {
      for (const levels of [1, 2, 100, 196, 197, 198, 199, 200, 201, 202, 1000]) {
        assertSameElements(Buffer.from(nested(levels)));
        // The event itself is one level.
        const inEvent = withText(runEvent({ extra: 'HERE' }), nested(levels));
        assert.equal(outcomeOf(inEvent), levels <= 199 ? 'fast path' : 'refused', String(levels));
        const inFacet = withText(runEvent({ run: runWith({ a: { x: 'HERE' } }) }), nested(levels));
        assert.equal(outcomeOf(inFacet), levels <= 196 ? 'fast path' : 'refused', String(levels));
        const inParent = withText(runEvent({ run: runWith({ parent: { root: 'HERE' } }) }), nested(levels));
        assert.equal(outcomeOf(inParent), levels <= 196 ? 'fast path' : 'refused', String(levels));
      }
    });
  }

  test('has the same limit in arrays of arrays', () => {
    for (const levels of [198, 199, 200, 201]) {
      assert.equal(assertSameElements(Buffer.from(arrays(levels))), levels <= 200);
      assert.equal(assertSameElements(Buffer.from(full(levels))), levels <= 199);
      assert.equal(assertSameElements(Buffer.from(`[${objects(levels)}]`)), levels <= 199);
    }
  });

  test('decreases with each container that ends', () => {
    const many = Array.from({ length: 500 }, () => '[[{"a":{}}],{}]').join();
    assert.equal(outcomeOf(withText(runEvent({ extra: 'HERE' }), `[${many}]`)), 'fast path');
    const names = { namespace: 'a', name: 'b' };
    const things = Array.from({ length: 500 }, () => ({ ...names, facets: { x: {} }, inputFacets: {} }));
    assert.equal(outcomeOf(JSON.stringify(runEvent({ inputs: things, outputs: things }))), 'fast path');
  });

  test('starts at zero after a text that was too deep', () => {
    outcomeOf('['.repeat(5000));
    assert.equal(outcomeOf(JSON.stringify(runEvent())), 'fast path');
    assert.ok(scanArray(Buffer.from(arrays(200))));
  });
});

suite('a number on the fast path', () => {
  test('has the same limit of length as in the full check', () => {
    for (const length of [999, 1000, 1001, 5000]) {
      const numbers = [
        '1'.repeat(length),
        `-${'1'.repeat(length - 1)}`,
        `0.${'1'.repeat(length - 2)}`,
        `1e${'1'.repeat(length - 2)}`,
        `-1.5e+${'0'.repeat(length - 6)}`,
      ];
      for (const number of numbers) {
        assert.equal(
          outcomeOf(withText(runEvent({ extra: 'HERE' }), number)),
          length <= 1000 ? 'fast path' : 'refused',
        );
        assert.equal(assertSameElements(Buffer.from(`[${number}]`)), length <= 1000);
      }
    }
  });
});

suite('an array on the fast path', () => {
  test('may have 50,000 elements, and is left to the full check when it has more', () => {
    for (const count of [0, 1, 2, 4096, 49_999, 50_000, 50_001, 60_000]) {
      for (const element of ['1', '{}', '"a"', '[1,2]', ' null ']) {
        const text = Buffer.from(`[${Array.from({ length: count }, () => element).join()}]`);
        assert.equal(assertSameElements(text), count <= 50_000, `${count} ${element}`);
      }
    }
    assert.equal(outcomeOf(JSON.stringify(runEvent())), 'fast path');
  });

  test('gives offsets that the next text does not change', () => {
    const spans = scanArray(Buffer.from('[1,22]'))?.elements;
    scanArray(Buffer.from('["another", "one"]'));
    assert.deepEqual([...(spans ?? [])], [1, 2, 3, 5]);
  });
});

suite('the length of a text on the fast path', () => {
  const event = (padding: string) => JSON.stringify(runEvent({ padding }));
  const bare = event('').length;

  test('may be any length around the ends of the pages of memory', () => {
    for (const pages of [1, 2, 5]) {
      for (let length = pages * PAGE - 40; length <= pages * PAGE + 3; length++) {
        const text = Buffer.from(event('x'.repeat(length - bare)));
        assert.equal(text.length, length);
        assert.ok(fastPathAccepts(text), String(length));
        assert.ok(!fastPathAccepts(text.subarray(0, -1)), String(length));
      }
    }
  });

  test('may be any length from 0 to 64 bytes, after a longer text', () => {
    const long = Buffer.from(event('[]}"\\'.repeat(100)));
    for (let length = 0; length <= 64; length++) {
      for (const text of [' '.repeat(length), '['.repeat(length), '"'.repeat(length), '1'.repeat(length)]) {
        assert.ok(fastPathAccepts(long));
        assert.equal(outcomeOf(text), 'refused');
      }
      assert.ok(fastPathAccepts(Buffer.from(event('ä'.repeat(length)))));
      assert.ok(assertSameElements(Buffer.from(`["${'x'.repeat(length)}"]`)));
    }
  });

  test('may be 32 MiB, and not more', () => {
    const before = datasetEvent();
    const text = (length: number) => Buffer.from(event('x'.repeat(length - bare)));
    assert.ok(fastPathAccepts(text(32 * MEBIBYTE)));
    assert.equal(scanEvent(text(32 * MEBIBYTE + 1)), undefined);
    assert.equal(scanArray(Buffer.from(`[${' '.repeat(32 * MEBIBYTE - 1)}]`)), undefined);
    assert.equal(scanArray(Buffer.from(`[${' '.repeat(32 * MEBIBYTE - 2)}]`))?.count, 0);
    assert.equal(outcomeOf(JSON.stringify(before)), 'fast path', 'the next event is not affected');
  });

  test('is that of the part when the text is part of a buffer', () => {
    const whole = Buffer.from(`xx${event('y')}zz`);
    assert.ok(fastPathAccepts(whole.subarray(2, -2)));
    assert.ok(!fastPathAccepts(whole.subarray(2, -1)));
  });
});

suite('the result of the fast path', () => {
  test('is not changed by the next text', () => {
    const bytes = Buffer.from(JSON.stringify(runEvent()));
    const first = scanEvent(bytes);
    scanEvent(
      Buffer.from(JSON.stringify(jobEvent({ eventTime: '1999-01-01T00:00:00', schemaURL: undefined }))),
    );
    assert.deepEqual(first && withTexts(bytes, first), {
      kind: 'run',
      key: Buffer.from('run:jobs/own'),
      namespace: 'jobs',
      time: Date.UTC(2026, 10, 22, 10, 15, 30, 123),
      deviations: [],
      type: 'START',
      texts: {
        name: 'own',
        runId: '01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b3c',
        producer: 'https://example.com/producer',
      },
    });
  });

  test('has nothing from the text before', () => {
    const deviating = runEvent({
      ...{ eventTime: '2026-11-22T10:15:30', schemaURL: undefined },
      run: { runId: 'F'.repeat(32), facets: { parent: { job: { namespace: 'a', name: '\n' }, root: {} } } },
    });
    assert.equal(outcomeOf(JSON.stringify(deviating)), 'fast path');
    assert.deepEqual(scanEvent(Buffer.from(JSON.stringify(runEvent())))?.deviations, []);
    assert.equal(outcomeOf(JSON.stringify(runEvent({ job: { namespace: 'a', name: '\\n' } }))), 'fast path');
    for (const missing of ['job', 'run', 'eventTime', 'producer']) {
      outcomeOf(JSON.stringify(deviating));
      const outcome = outcomeOf(JSON.stringify(runEvent({ [missing]: undefined })));
      // Without its run it is a job event.
      assert.equal(outcome, missing === 'run' ? 'fast path' : 'refused', missing);
    }
  });
});
