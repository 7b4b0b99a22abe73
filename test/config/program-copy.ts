import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { root } from './child.ts';

/** A copy of the program, with all its packages except those with these names or in these scopes. */
export function programWithout(test: TestContext, packages: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-program-'));
  test.after(() => rmSync(folder, { recursive: true }));
  for (const name of ['src', 'package.json', 'dist/event-scan.wasm']) {
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  mkdirSync(join(folder, 'node_modules'));
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (!packages.includes(name)) {
      symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
    }
  }
  return folder;
}
