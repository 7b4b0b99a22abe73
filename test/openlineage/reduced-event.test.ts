/** The check of large events in slices: the same verdict as the full check of the whole, with bounded work in a slice. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  checkFully,
  checkInSlices,
  checkTextInSlices,
  SLICE_BYTES,
} from '../../src/openlineage/full-check.ts';
import { reduceEvent } from '../../src/openlineage/reduced-event.ts';
import { MAX_ERRORS } from '../../src/openlineage/validation-error.ts';
import { runEvent, runWith } from './events.ts';
import { excerptOf } from './fast-path/both-checks.ts';
import { eventMutant } from './mutation/event-mutants.ts';
import { Random } from './random.ts';
import { examples, recordings } from './samples.ts';

const ROUNDS = 2000;
const SIZE = 512 * 1024;
const facet = { _producer: 'a:b', _schemaURL: 'a:b' };
const thing = { namespace: 'a', name: 'b' };

async function assertSame(bytes: Buffer, sliceBytes = 1): Promise<void> {
  for (const level of ['core', 'routing'] as const) {
    const inSlices = await checkInSlices(bytes, level, () => Promise.resolve(), sliceBytes);
    assert.deepEqual(inSlices, checkFully(bytes, level), excerptOf(bytes));
  }
}

/** An event as JSON; the texts replace `place`, joined by commas. */
function filled(event: object, place: string, textOf: (index: number) => string): Buffer {
  const texts: string[] = [];
  for (let length = 0; length < SIZE; length += (texts.at(-1)?.length ?? 0) + 1)
    texts.push(textOf(texts.length));
  return Buffer.from(JSON.stringify(event).replace(place, () => texts.join()));
}

const listOf = (textOf: (index: number) => string, name = 'inputs') =>
  filled(runEvent({ [name]: ['HERE'] }), '"HERE"', textOf);
const facetsOf = (textOf: (index: number) => string) =>
  filled(runEvent({ run: runWith({ HERE: 1 }) }), '"HERE":1', textOf);

suite('the check in slices', () => {
  test('has the verdict of the full check for every sample', async () => {
    for (const { bytes } of [...examples, ...recordings]) await assertSame(bytes, 100);
  });

  test('has the verdict of the full check for random mutants of events', async (context) => {
    const random = new Random();
    context.diagnostic(`TEST_SEED=${random.seed} repeats it`);
    for (let round = 0; round < ROUNDS; round++) await assertSame(eventMutant(random), 1 + random.below(50));
  });

  test('takes the last of two members of one name', async () => {
    const run = '"run":{"runId":"01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b3c"';
    const rest = '"eventTime":"2026-11-22T10:15:30Z","producer":"a:b","job":{"namespace":"a","name":"b"}';
    const good = JSON.stringify(facet);
    for (const members of [
      `${run}},"inputs":[{}],"inputs":null`,
      `${run}},"inputs":null,"inputs":[{"namespace":"a","name":"b"},{}]`,
      `${run}},"inputs":[{},{},{}],"inputs":[{"namespace":"a","name":"b","namespace":1}]`,
      `${run}},"\\u0069nputs":[1],"__proto__":{"inputs":[2]},"hasOwnProperty":1`,
      ...['{}', 'null', '1', '[]', '"x"', good].flatMap((first) =>
        ['{}', 'null', '1', '[1]', good].flatMap((second) => [
          `${run},"facets":{"a":${first},"b":${good},"\\u0061":${second}}}`,
          `${run},"facets":{"parent":${first},"parent":${second},"__proto__":${first}}}`,
          `${run}},"outputs":[{"namespace":"a","name":"b","facets":{"a":${first},"a":${second}}}]`,
        ]),
      ),
      `${run},"facets":{"parent":{"job":{"namespace":"p","name":"q"},"root":{"job":{"namespace":"r","name":"s"}}}}}`,
      `${run},"facets":{"parent":{"root":null,"job":{"namespace":"p","name":"\\ud800"}}}}`,
    ]) {
      await assertSame(Buffer.from(`{${members},${rest}}`));
    }
  });

  test('finds the same error in a text that is not JSON', async () => {
    const event = JSON.stringify(runEvent({ inputs: [thing], x: { y: ['ä\ud83d\ude00'] } }));
    for (let length = 0; length < event.length; length++) {
      await assertSame(Buffer.from(event.slice(0, length)));
      await assertSame(Buffer.from(`${event.slice(0, length)}\n ,${event.slice(length)}`));
    }
    for (const depth of [198, 199, 200]) {
      await assertSame(Buffer.from(`{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`));
      await assertSame(Buffer.from(`{"inputs":${'['.repeat(depth)}${']'.repeat(depth)}}`));
      await assertSame(
        Buffer.from(`{"job":{"facets":{"a":${'['.repeat(depth - 2)}${']'.repeat(depth - 2)}}}}`),
      );
    }
    await assertSame(Buffer.from([0x7b, 0xff]));
    await assertSame(Buffer.from('\ufeff{}'));
    await assertSame(Buffer.alloc(0));
  });

  const number = (i: number) => `"k${i}":0`;
  const bodies: readonly (readonly [what: string, body: Buffer, errors: number])[] = [
    ['an object of members and no event', filled({ HERE: 1 }, '"HERE":1', number), 4],
    ['datasets that are none', listOf(() => '0'), MAX_ERRORS],
    ['empty datasets', listOf(() => '{}', 'outputs'), MAX_ERRORS],
    ['good datasets and a bad one', listOf((i) => (i === 700 ? '{}' : JSON.stringify(thing))), 2],
    ['an event with very many members', filled(runEvent({ HERE: 1 }), '"HERE":1', number), 0],
    ['good datasets', listOf(() => JSON.stringify(thing)), 0],
    ['datasets with bare facets', listOf(() => JSON.stringify({ ...thing, facets: { a: {} } })), 0],
    ['nested arrays', listOf(() => '[[[[[[]]]]]]', 'other'), 0],
    ['texts', listOf(() => '"abc\\ud800\\n"', 'other'), 0],
    ['numbers', listOf(() => '-123456789.123456789e-100', 'other'), 0],
  ];
  for (const [what, body, errors] of bodies) {
    test(`reads ${what} in slices of a few thousand elements, and once`, async () => {
      await assertSlices(body, errors);
    });
  }

  for (const [what, facets, errors] of [
    ['wrong', number, MAX_ERRORS],
    ['null', (i: number) => `"k${i}":null`, 0],
    ['bare', (i: number) => `"k${i}":{}`, 0],
    ['good', (i: number) => `"k${i}":${JSON.stringify(facet)}`, 0],
    ['once wrong and then good', (i: number) => `"k":${i === 0 ? '1' : '{}'}`, 0],
  ] as const) {
    test(`reads facets that are ${what} in slices, and once`, async () => {
      await assertSlices(facetsOf(facets), errors);
    });
  }

  async function assertSlices(body: Buffer, errors: number): Promise<void> {
    let pauses = 0;
    const pause = () => {
      pauses += 1;
      return Promise.resolve();
    };
    const verdict = await checkInSlices(body, 'core', pause);
    const slices = body.length / SLICE_BYTES;
    assert.ok(pauses > 0.8 * slices && pauses < 2 * slices + 10, `${pauses} pauses for ${slices} slices`);
    assert.deepEqual(verdict, checkFully(body, 'core'));
    assert.equal(verdict.errors?.length ?? 0, errors);
    // What is left for the check without a pause is small.
    let reading = reduceEvent(body, SLICE_BYTES).next();
    const generator = reduceEvent(body, SLICE_BYTES);
    do reading = generator.next();
    while (reading.done !== true);
    const { value } = reading;
    assert.ok('event' in value);
    assert.ok(JSON.stringify(value.event).length < 100_000);
  }

  test('reads the text of a batch in slices, and keeps as many offsets as there may be elements', async () => {
    let pauses = 0;
    const pause = () => {
      pauses += 1;
      return Promise.resolve();
    };
    const verdict = await checkTextInSlices(Buffer.from(`[${'0,'.repeat(500_000)}0]`), 1000, pause);
    assert.deepEqual([verdict.count, verdict.elements?.length], [500_001, 2000]);
    assert.ok(pauses > 50, `${pauses} pauses`);
  });
});
