/** The mutations stay applicable: each text that one changes is in its file once. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formerDefects } from './former-defects.ts';
import { edited } from './mutation.ts';
import { mutations } from './mutations.ts';

const root = join(import.meta.dirname, '..', '..', '..');

test('every mutation of the core can be made', () => {
  for (const { name, edits } of [...mutations, ...formerDefects]) {
    for (const edit of edits) {
      const source = readFileSync(join(root, edit.file), 'utf8');
      assert.notEqual(edited(source, edit), source, name);
    }
  }
});

test('every mutation has its own name', () => {
  const names = [...mutations, ...formerDefects].map(({ name }) => name);
  assert.deepEqual(names, [...new Set(names)]);
});
