import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { suite, test } from 'node:test';
import { scanJson } from '../../src/openlineage/json-scan.ts';
import { dense, mutateBytes } from './byte-mutation.ts';
import { Random } from './random.ts';
import { batchExample, examples } from './samples.ts';

const ROUNDS = 20_000;

const small = examples.map(({ bytes }) => bytes).filter(({ length }) => length < 10_000);

/** Most of them arrays, to see these divided, too. */
const sources = [
  ...Array.from({ length: 5 }, () => dense).flat(),
  ...Array.from({ length: 5 }, () => batchExample),
  ...small,
];

suite('JSON of random mutations', () => {
  const random = new Random();

  test('is taken just when JSON.parse takes it, and divided as JSON.parse divides it', (context) => {
    context.diagnostic(`TEST_SEED=${random.seed} repeats it`);
    const seen = { taken: 0, refused: 0, arrays: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const bytes = mutateBytes(random.of(sources), random);
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
