import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { suite, test } from 'node:test';
import { version } from '../../src/version.ts';

const root = join(import.meta.dirname, '..', '..');

const pages = globSync(['README.md', 'CONTRIBUTING.md', 'UPGRADING.md', 'docs/*.md'], { cwd: root }).sort();
const files = globSync(['{src,test,tools,benchmark,assembly}/**/*.{ts,json}', '*.*'], { cwd: root });

/** Source files that a page names between backticks. */
function namesIn(text: string): readonly string[] {
  return [...text.matchAll(/`(?<name>[\w./-]+\.ts)`/g)].map(({ groups }) => groups?.['name'] ?? '');
}

/** The anchors that GitHub makes of the headings of a page. */
function anchorsOf(text: string): readonly string[] {
  return text
    .split('\n')
    .filter((line) => /^#+ /.test(line))
    .map((line) =>
      line
        .replace(/^#+ /, '')
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replaceAll(' ', '-'),
    );
}

/** Whether a link of a page leads to a file of the project, and to one of its headings. */
function isGood(page: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : relative(root, join(root, dirname(page), path));
  if (anchor === undefined) return existsSync(join(root, target));
  return anchorsOf(readFileSync(join(root, target), 'utf8')).includes(anchor);
}

const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
const [, node = ''] = /^ARG NODE_VERSION=(\S+)$/m.exec(dockerfile) ?? [];
const [, debian = ''] = /^ARG DEBIAN=(\S+)$/m.exec(dockerfile) ?? [];
// Behind FROM, `image:`, `--tag` and as the image of `docker run`.
const IMAGE =
  /(?:FROM |image: |--tag |\s)(?<image>(?:node|http2kafka):[\w.-]+)|FROM (?<bare>http2kafka|node)(?=\s)/g;

void suite('the documentation', () => {
  for (const page of pages) {
    const text = readFileSync(join(root, page), 'utf8');

    test(`links to pages and headings that exist: ${page}`, () => {
      const plain = text.replaceAll(/^( *)```[\s\S]*?^\1```$/gm, '').replaceAll(/`[^`]*`/g, '');
      const links = [...plain.matchAll(/\]\((?<link>[^)\s]+)\)/g)].map(
        ({ groups }) => groups?.['link'] ?? '',
      );
      const local = links.filter((link) => !/^[a-z]+:/.test(link));
      assert.deepEqual(
        local.filter((link) => !isGood(page, link)),
        [],
      );
    });

    test(`names images that the Dockerfile and \`make image\` know: ${page}`, () => {
      const named = [...text.matchAll(IMAGE)].map(({ groups }) => groups?.['image'] ?? groups?.['bare']);
      const known = [
        `http2kafka:${version}`,
        `http2kafka:${version}-kerberos`,
        `node:${node}-${debian}-slim`,
      ];
      assert.deepEqual(
        named.filter((image) => !known.includes(image ?? '')),
        [],
      );
    });

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
