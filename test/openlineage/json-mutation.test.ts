import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { suite, test } from 'node:test';
import { scanJson } from '../../src/openlineage/json.ts';
import { dense, mutateBytes } from './mutation/byte-mutation.ts';
import { Random } from './random.ts';
import { batchExample, examples } from './samples.ts';

const ROUNDS = 20_000;

const small = examples.map(({ bytes }) => bytes).filter(({ length }) => length < 10_000);

/** Most of them are arrays, to test the elements as well. */
const sources = [
  ...Array.from({ length: 5 }, () => dense).flat(),
  ...Array.from({ length: 5 }, () => batchExample),
  ...small,
];

suite('JSON of random mutations', () => {
  const random = new Random();

  test('is accepted exactly when JSON.parse accepts it, and has the same elements', (context) => {
    context.diagnostic(`TEST_SEED=${random.seed} repeats it`);
    const seen = { accepted: 0, refused: 0, arrays: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const bytes = mutateBytes(random.of(sources), random);
      if (!isUtf8(bytes)) continue;
      const text = bytes.toString();
      const { error, elements } = scanJson(bytes);
      const parsed = parse(text);
      const where = `seed ${random.seed}, round ${round}: ${text.slice(0, 300)}`;
      assert.equal(error === undefined, parsed !== undefined, where);
      if (error) {
        seen.refused += 1;
        assert.ok(error.offset >= 0 && error.offset <= bytes.length, where);
        continue;
      }
      seen.accepted += 1;
      assert.equal(elements !== undefined, Array.isArray(parsed?.value), where);
      if (!elements) continue;
      seen.arrays += 1;
      assert.deepEqual(elementsOf(bytes, elements), parsed?.value, where);
    }
    // Mutations with always the same outcome would test nothing.
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
