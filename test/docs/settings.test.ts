/** The settings that the pages show are settings of this version. */
import assert from 'node:assert/strict';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { parse } from 'yaml';
import { loadSettings } from '../../src/config/load.ts';
import { schema } from '../../src/config/schema/schema.ts';

const root = join(import.meta.dirname, '..', '..');

/**
 * What a sample leaves to the reader: secrets, which belong into the environment, files of the reader's machine, and the flags of
 * a command beside it.
 */
const LEFT_OUT = /which is not set|neither is set|is not a file that can be read|needs server\.ssl_ca_certs/;

function isSettings(block: string): boolean {
  const content: unknown = parse(block);
  if (typeof content !== 'object' || content === null || Array.isArray(content)) return false;
  const names = Object.keys(content);
  return names.length > 0 && names.every((name) => name in schema);
}

/** The errors of a block of settings, without those of what it leaves out. */
function errorsOf(test: TestContext, block: string): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-documented-'));
  test.after(() => rmSync(folder, { recursive: true }));
  const configFile = join(folder, 'proxy.yaml');
  writeFileSync(configFile, block);
  const outcome = loadSettings({ flags: new Map(), environment: {}, configFile });
  const errors = 'errors' in outcome ? outcome.errors : [];
  return errors.map(({ place, message }) => `${place}: ${message}`).filter((error) => !LEFT_OUT.test(error));
}

void suite('settings in the documentation', () => {
  let shown = 0;
  for (const page of globSync('docs/*.md', { cwd: root }).sort()) {
    const text = readFileSync(join(root, page), 'utf8');
    const blocks = [...text.matchAll(/^( *)```yaml\n(?<block>[\s\S]*?)^\1```$/gm)]
      .map(([, indent = '', block = '']) => block.replaceAll(new RegExp(`^${indent}`, 'gm'), ''))
      .filter((block) => isSettings(block));
    shown += blocks.length;
    for (const [index, block] of blocks.entries()) {
      test(`are valid: ${page}, block ${index + 1}`, (t) => assert.deepEqual(errorsOf(t, block), []));
    }
  }

  test('are found', () => assert.ok(shown > 10, `${shown} blocks`));
});
