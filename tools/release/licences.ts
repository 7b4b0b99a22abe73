/** The list of what a release holds of others, with their licences. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Packages } from './runtime-packages.ts';

const LICENCE = /^(?:licen[cs]e|copying|notice)(?:[-.].*)?$/i;
const LINE = '='.repeat(80);

/**
 * The text of the list: a table of the packages, then the text of each licence.
 * @param folder the folder that `paths` are relative to.
 */
export function licenceList(
  folder: string,
  packages: Packages,
  paths: readonly string[],
  node: string,
): string {
  const rows = paths.map((path) => {
    const { version = '', license = 'see its text' } = packages[path] ?? {};
    return { path, title: `${nameOf(path)} ${version}`, license };
  });
  const texts = rows.map(({ path, title, license }) => {
    const text = licenceTexts(join(folder, path)).join('\n\n');
    return [
      LINE,
      `${title} (${license})`,
      LINE,
      '',
      text === '' ? 'The package has no text of its licence.' : text,
    ];
  });
  return [
    'http2kafka itself has the Apache License 2.0: see LICENSE.',
    '',
    'It comes with Node.js and with these npm packages, most of them within its own files in dist/.',
    'The texts of their licences follow. That of Node.js, and of all that is in Node.js, is in the file',
    `${node}.`,
    '',
    ...rows.map(({ title, license }) => `${title.padEnd(48)} ${license}`),
    '',
    ...texts.flat(),
    '',
  ].join('\n');
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

function licenceTexts(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((name) => LICENCE.test(name));
  return files.sort().map((name) => readFileSync(join(folder, name), 'utf8').trim());
}
