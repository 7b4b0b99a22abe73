import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Compile } from 'typebox/schema';
import { parse } from 'yaml';
import { catalog } from '../../src/config/catalog.ts';
import { configurationSchema } from '../../tools/reference/configuration-schema.ts';
import { written } from '../../src/config/schema/kind.ts';
import { loadSettings } from '../../src/config/load.ts';
import { configurationPage } from '../../tools/reference/configuration-page.ts';
import { ran } from '../config/child.ts';
import { temporaryFile } from '../config/loading.ts';

/** A block of code of the page, by its language. */
function example(language: string): string {
  const found = new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 's').exec(configurationPage());
  return found?.[1] ?? assert.fail(`no ${language} on the page`);
}

suite('the reference page', () => {
  test('has examples that are valid and equal', (t) => {
    const flags = new Map();
    const configFile = temporaryFile(t, 'app.yaml', example('yaml'));
    const envFile = temporaryFile(t, '.env', example('sh'));
    const fromFile = loadSettings({ flags, environment: {}, configFile });
    const fromVariables = loadSettings({ flags, environment: {}, envFile });
    assert.ok('settings' in fromFile && 'settings' in fromVariables);
    assert.deepEqual(fromFile.settings, fromVariables.settings);
  });

  test('names every setting, variable and flag', () => {
    const page = configurationPage();
    for (const { name, environmentName, flags = [] } of catalog.values()) {
      for (const text of [name, environmentName]) assert.ok(page.includes(`\`${text}\``), text);
      for (const flag of flags) assert.match(page, new RegExp(`\`${flag.name}[ \`]`));
    }
  });
});

suite('the JSON Schema', () => {
  const schema = Compile(configurationSchema());

  test('takes the example of the page', () => {
    assert.ok(schema.Check(parse(example('yaml'))));
  });

  test('takes every default', () => {
    for (const entry of catalog.values()) {
      const nested = entry.name
        .split('.')
        .reduceRight<unknown>((value, key) => ({ [key]: value }), written(entry.kind, entry.default) ?? null);
      assert.ok(schema.Check(nested), entry.name);
    }
  });

  test('refuses unknown names and wrong values', () => {
    for (const wrong of [
      { kafk: {} },
      { server: { prt: 1 } },
      { server: { port: 65_536 } },
      { check: { level: 'x' } },
      { spool: { after: 1000 } },
      { spool: { after: '1000' } },
    ])
      assert.ok(!schema.Check(wrong), JSON.stringify(wrong));
  });
});

suite('the declaration of the settings', () => {
  test('has the unit of a time in its name', () => {
    for (const { name, kind } of catalog.values()) {
      const unit = /\((ms|s)\)/.exec(kind.label)?.[1];
      // Names taken from Data.Rentgen end in `_seconds`.
      if (unit !== undefined) assert.match(name, new RegExp(`_(${unit}|seconds)$`));
      else assert.doesNotMatch(name, /_(ms|s|seconds)$/);
    }
  });

  test('has a default of the right kind for each setting', () => {
    for (const { name, kind, default: value } of catalog.values()) assert.ok(kind.holds(value), name);
  });

  test('writes a duration with its unit, so that its name needs none', () => {
    const durations = [...catalog.values()].filter(({ kind }) => kind.label.startsWith('duration'));
    assert.deepEqual(
      durations.map(({ name, kind, default: value }) => [name, written(kind, value)]),
      [
        ['spool.after', '1s'],
        ['spool.max_age', '7d'],
        ['auth.personal_tokens.database_grace', '12h'],
        ['auth.oidc.clock_skew', '30s'],
        ['server.shutdown_delay', '0s'],
      ],
    );
    const page = configurationPage();
    for (const text of ['`1s`', '`7d`']) assert.ok(page.includes(text), text);
    const text = JSON.stringify(configurationSchema());
    for (const value of ['"default":"1s"', '"default":"7d"']) assert.ok(text.includes(value), value);
  });

  test('has each flag once', () => {
    const flags = [...catalog.values()].flatMap(({ flags = [] }) => flags.map(({ name }) => name));
    assert.deepEqual(flags, [...new Set(flags)]);
  });
});

test('the pages in docs/ are up to date', async () => {
  const { status, stderr } = await ran(process.execPath, ['tools/generate-docs.ts', '--check']);
  assert.equal(stderr, '');
  assert.equal(status, 0);
});
