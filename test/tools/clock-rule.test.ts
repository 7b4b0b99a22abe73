/** The rule that keeps the wall clock out of pauses, deadlines, ages and expiries. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { join } from 'node:path';
import { ESLint } from 'eslint';

const root = join(import.meta.dirname, '..', '..');

const wallClock = [
  'export const at = Date.now();',
  'export const at = new Date();',
  'export const at = Date();',
  'export const clock: { now(): number } = Date;',
  'export const clocks = { clock: Date };',
  'export const f = (clock: { now(): number } = Date) => clock.now();',
  'export const f = (time: { wall: { now(): number } }) => time.wall.now();',
  'export const f = ({ wall }: { wall: { now(): number } }) => wall.now();',
];

/** The messages of the rule for a file with this text. The file must exist: its types are checked, too. */
async function messages(file: string, text: string): Promise<readonly string[]> {
  const eslint = new ESLint({ cwd: root, cache: false });
  const results = await eslint.lintText(text, { filePath: join(root, file) });
  return results
    .flatMap((result) => result.messages)
    .filter(({ ruleId }) => ruleId === 'no-restricted-syntax')
    .map(({ message }) => message);
}

suite('the rule about the wall clock', { timeout: 120_000 }, () => {
  test('reports every way to read it', async () => {
    for (const text of wallClock) {
      const found = await messages('src/delivery/state-log.ts', text);
      assert.ok(found.length > 0 && found.every((message) => message.includes('monotonic')), text);
    }
  });

  test('allows it in the files that are named with a reason, and keeps the other rules there', async () => {
    assert.deepEqual(await messages('src/support/time.ts', 'export const at = Date.now();'), []);
    assert.equal((await messages('src/support/time.ts', 'export default 1;')).length, 1);
  });

  test('allows the monotonic clock, and a date of a known time', async () => {
    const text = 'export const at = [performance.now(), new Date(0)];';
    assert.deepEqual(await messages('src/delivery/state-log.ts', text), []);
  });
});
