import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';

const root = join(import.meta.dirname, '..', '..');

const pages = globSync(['README.md', 'CONTRIBUTING.md', 'UPGRADING.md', 'docs/*.md'], { cwd: root }).sort();
const files = globSync(['{src,test,tools,benchmark,assembly}/**/*.{ts,json}', '*.*'], { cwd: root });

/** Source files that a page names between backticks. */
function namesIn(text: string): readonly string[] {
  return [...text.matchAll(/`(?<name>[\w./-]+\.ts)`/g)].map(({ groups }) => groups?.['name'] ?? '');
}

void suite('the documentation', () => {
  for (const page of pages) {
    const text = readFileSync(join(root, page), 'utf8');

    test(`names only source files that exist: ${page}`, () => {
      const missing = namesIn(text).filter(
        (name) => !files.some((file) => file === name || file.endsWith(`/${name}`)),
      );
      assert.deepEqual(missing, []);
    });

    test(`has no line that is too long to read: ${page}`, () => {
      // Tables and code cannot be wrapped; generated pages have them too.
      const lines = text.replaceAll(/^( *)```[\s\S]*?^\1```$/gm, '').split('\n');
      const long = lines.filter((line) => line.length > 120 && !/^\s*(?:\||<!--|.*\]\(\S+\)$)/.test(line));
      assert.deepEqual(long, []);
    });
  }
});
