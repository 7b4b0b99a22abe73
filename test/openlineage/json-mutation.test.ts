import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { suite, test } from 'node:test';
import { scanJson } from '../../src/openlineage/json-scan.ts';
import { Random } from './random.ts';
import { batchExample, examples } from './samples.ts';

const ROUNDS = 20_000;

/** Bytes that mean something in JSON, and some that do not. */
const TELLING = Buffer.from('{}[],:"\\/ \t\r\nuUeE+-.0123456789abnrtfls\u0000\u001f\u007fäЖ🦆');

/** Small texts that have everything in them: most changes of these hit something. */
const dense = [
  '[{"a":[1,-2.5e+10,"\\u00e4\\n\\"",null,true,false]},{"":{}},[],"ä🦆",0]',
  '{"eventTime":"2026-11-22T10:15:30Z","run":{"runId":"1"},"job":{"namespace":"n","name":"\\ud83e\\udd86"}}',
  '\r\n [ 1 ,\t"a" , { "b" : [ ] } ]\n',
].map((text) => Buffer.from(text));

const small = examples.map(({ bytes }) => bytes).filter(({ length }) => length < 10_000);

/** Most of them arrays, to see these divided, too. */
const sources = [
  ...Array.from({ length: 5 }, () => dense).flat(),
  ...Array.from({ length: 5 }, () => batchExample),
  ...small,
];

/** One or two small changes somewhere in a text. */
function mutate(source: Buffer, random: Random): Buffer {
  let bytes = Buffer.from(source);
  for (let changes = 1 + Math.floor(random.below(4) / 2); changes > 0; changes--) {
    const at = random.below(bytes.length + 1);
    const until = Math.min(bytes.length, at + random.below(8));
    const telling = Buffer.from([random.of([...TELLING])]);
    const space = Buffer.from(random.of([' ', '\t', '\r\n', '']));
    const pieces = random.of([
      [bytes.subarray(0, at), space, bytes.subarray(at)],
      [bytes.subarray(0, at), telling, bytes.subarray(at)],
      [bytes.subarray(0, at), telling, bytes.subarray(at + 1)],
      [bytes.subarray(0, at), bytes.subarray(until)],
      [bytes.subarray(0, until), bytes.subarray(at)],
      [bytes.subarray(0, at), random.of(dense), bytes.subarray(at)],
      [bytes.subarray(0, at)],
    ]);
    bytes = Buffer.concat(pieces);
  }
  return bytes;
}

suite('JSON of random mutations', () => {
  const random = new Random();

  test('is taken just when JSON.parse takes it, and divided as JSON.parse divides it', (context) => {
    context.diagnostic(`TEST_SEED=${random.seed} repeats it`);
    const seen = { taken: 0, refused: 0, arrays: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const bytes = mutate(random.of(sources), random);
      if (!isUtf8(bytes)) continue;
      const text = bytes.toString();
      const { fault, elements } = scanJson(bytes);
      const parsed = parse(text);
      const where = `seed ${random.seed}, round ${round}: ${text.slice(0, 300)}`;
      assert.equal(fault === undefined, parsed !== undefined, where);
      if (fault) {
        seen.refused += 1;
        assert.ok(fault.offset >= 0 && fault.offset <= bytes.length, where);
        continue;
      }
      seen.taken += 1;
      assert.equal(elements !== undefined, Array.isArray(parsed?.value), where);
      if (!elements) continue;
      seen.arrays += 1;
      assert.deepEqual(elementsOf(bytes, elements), parsed?.value, where);
    }
    // A mutation that is always or never taken would test nothing.
    for (const count of Object.values(seen)) assert.ok(count > ROUNDS / 20, JSON.stringify(seen));
  });
});

function parse(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function elementsOf(bytes: Buffer, spans: readonly number[]): unknown[] {
  const values: unknown[] = [];
  for (let i = 0; i < spans.length; i += 2) {
    values.push(JSON.parse(bytes.toString('utf8', spans[i], spans[i + 1])));
  }
  return values;
}
