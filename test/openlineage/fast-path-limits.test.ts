import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { scanArray, scanEvent } from '../../src/openlineage/fast-path.ts';
import { datasetEvent, jobEvent, runEvent, runWith } from './events.ts';
import { assertArraysAlike, isSurelyGood, outcomeOf, withText } from './both-checks.ts';

const MEBIBYTE = 1024 * 1024;
const PAGE = 64 * 1024;

suite('depth, to the fast lane', () => {
  const arrays = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
  const objects = (levels: number) => `${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`;
  const mixed = (levels: number): string =>
    levels % 2 === 0 ? '[{"a":'.repeat(levels / 2) + '1' + '}]'.repeat(levels / 2) : `[${mixed(levels - 1)}]`;
  const full = (levels: number) => '[{},'.repeat(levels) + '[1]' + ',"]"]'.repeat(levels);

  for (const [what, nested] of Object.entries({ arrays, objects, mixed })) {
    test(`has its limit where the explaining lane has it: ${what}`, () => {
      for (const levels of [1, 2, 100, 196, 197, 198, 199, 200, 201, 202, 1000]) {
        assertArraysAlike(Buffer.from(nested(levels)));
        // One level is the event's.
        const inEvent = withText(runEvent({ extra: 'HERE' }), nested(levels));
        assert.equal(outcomeOf(inEvent), levels <= 199 ? 'fast' : 'refused', String(levels));
        const inFacet = withText(runEvent({ run: runWith({ a: { x: 'HERE' } }) }), nested(levels));
        assert.equal(outcomeOf(inFacet), levels <= 196 ? 'fast' : 'refused', String(levels));
        const inParent = withText(runEvent({ run: runWith({ parent: { root: 'HERE' } }) }), nested(levels));
        assert.equal(outcomeOf(inParent), levels <= 196 ? 'fast' : 'refused', String(levels));
      }
    });
  }

  test('is counted in arrays of arrays alike', () => {
    for (const levels of [198, 199, 200, 201]) {
      assert.equal(assertArraysAlike(Buffer.from(arrays(levels))), levels <= 200);
      assert.equal(assertArraysAlike(Buffer.from(full(levels))), levels <= 199);
      assert.equal(assertArraysAlike(Buffer.from(`[${objects(levels)}]`)), levels <= 199);
    }
  });

  test('is left again with each container that ends', () => {
    const many = Array.from({ length: 500 }, () => '[[{"a":{}}],{}]').join();
    assert.equal(outcomeOf(withText(runEvent({ extra: 'HERE' }), `[${many}]`)), 'fast');
    const names = { namespace: 'a', name: 'b' };
    const things = Array.from({ length: 500 }, () => ({ ...names, facets: { x: {} }, inputFacets: {} }));
    assert.equal(outcomeOf(JSON.stringify(runEvent({ inputs: things, outputs: things }))), 'fast');
  });

  test('starts anew after a text that went too deep', () => {
    outcomeOf('['.repeat(5000));
    assert.equal(outcomeOf(JSON.stringify(runEvent())), 'fast');
    assert.ok(scanArray(Buffer.from(arrays(200))));
  });
});

suite('a number, to the fast lane', () => {
  test('has its limit of length where the explaining lane has it', () => {
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
          length <= 1000 ? 'fast' : 'refused',
        );
        assert.equal(assertArraysAlike(Buffer.from(`[${number}]`)), length <= 1000);
      }
    }
  });
});

suite('an array, to the fast lane', () => {
  test('may have 4096 elements, and is left to the explaining lane when it has more', () => {
    for (const count of [0, 1, 2, 4095, 4096, 4097, 10_000]) {
      for (const element of ['1', '{}', '"a"', '[1,2]', ' null ']) {
        const text = Buffer.from(`[${Array.from({ length: count }, () => element).join()}]`);
        assert.equal(assertArraysAlike(text), count <= 4096, `${count} ${element}`);
      }
    }
    assert.equal(outcomeOf(JSON.stringify(runEvent())), 'fast');
  });

  test('tells offsets that the next text does not change', () => {
    const spans = scanArray(Buffer.from('[1,22]'));
    scanArray(Buffer.from('["another", "one"]'));
    assert.deepEqual([...(spans ?? [])], [1, 2, 3, 5]);
  });
});

suite('the length of a text, to the fast lane', () => {
  const event = (padding: string) => JSON.stringify(runEvent({ padding }));
  const bare = event('').length;

  test('may be any: strings that end around the ends of the pages of its memory', () => {
    for (const pages of [1, 2, 5]) {
      for (let length = pages * PAGE - 40; length <= pages * PAGE + 3; length++) {
        const text = Buffer.from(event('x'.repeat(length - bare)));
        assert.equal(text.length, length);
        assert.ok(isSurelyGood(text), String(length));
        assert.ok(!isSurelyGood(text.subarray(0, -1)), String(length));
      }
    }
  });

  test('may be any: each length from nothing on, after a longer one', () => {
    const long = Buffer.from(event('[]}"\\'.repeat(100)));
    for (let length = 0; length <= 64; length++) {
      for (const text of [' '.repeat(length), '['.repeat(length), '"'.repeat(length), '1'.repeat(length)]) {
        assert.ok(isSurelyGood(long));
        assert.equal(outcomeOf(text), 'refused');
      }
      assert.ok(isSurelyGood(Buffer.from(event('ä'.repeat(length)))));
      assert.ok(assertArraysAlike(Buffer.from(`["${'x'.repeat(length)}"]`)));
    }
  });

  test('may be 32 MiB, and not more', () => {
    const before = datasetEvent();
    const text = (length: number) => Buffer.from(event('x'.repeat(length - bare)));
    assert.ok(isSurelyGood(text(32 * MEBIBYTE)));
    assert.equal(scanEvent(text(32 * MEBIBYTE + 1)), undefined);
    assert.equal(scanArray(Buffer.from(`[${' '.repeat(32 * MEBIBYTE - 1)}]`)), undefined);
    assert.equal(scanArray(Buffer.from(`[${' '.repeat(32 * MEBIBYTE - 2)}]`))?.length, 0);
    assert.equal(outcomeOf(JSON.stringify(before)), 'fast', 'as if nothing had been');
  });

  test('is that of a part of a buffer when it is one', () => {
    const whole = Buffer.from(`xx${event('y')}zz`);
    assert.ok(isSurelyGood(whole.subarray(2, -2)));
    assert.ok(!isSurelyGood(whole.subarray(2, -1)));
  });
});

suite('the result of the fast lane', () => {
  test('is not changed by the next text', () => {
    const first = scanEvent(Buffer.from(JSON.stringify(runEvent())));
    scanEvent(
      Buffer.from(JSON.stringify(jobEvent({ eventTime: '1999-01-01T00:00:00', schemaURL: undefined }))),
    );
    assert.deepEqual(first, {
      kind: 'run',
      key: Buffer.from('run:jobs/own'),
      namespace: 'jobs',
      time: Date.UTC(2026, 10, 22, 10, 15, 30, 123),
      deviations: [],
    });
  });

  test('has nothing of the text before', () => {
    const breaking = runEvent({
      ...{ eventTime: '2026-11-22T10:15:30', schemaURL: undefined },
      run: { runId: 'F'.repeat(32), facets: { parent: { job: { namespace: 'a', name: '\n' }, root: {} } } },
    });
    assert.equal(outcomeOf(JSON.stringify(breaking)), 'fast');
    assert.deepEqual(scanEvent(Buffer.from(JSON.stringify(runEvent())))?.deviations, []);
    assert.equal(outcomeOf(JSON.stringify(runEvent({ job: { namespace: 'a', name: '\\n' } }))), 'fast');
    for (const missing of ['job', 'run', 'eventTime', 'producer']) {
      outcomeOf(JSON.stringify(breaking));
      const outcome = outcomeOf(JSON.stringify(runEvent({ [missing]: undefined })));
      // Without its run it is a job event.
      assert.equal(outcome, missing === 'run' ? 'fast' : 'refused', missing);
    }
  });
});
