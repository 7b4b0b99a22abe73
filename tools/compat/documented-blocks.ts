/**
 * Code blocks of the documentation. Trials run these, so that a page and what was tried cannot differ.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const docs = join(import.meta.dirname, '..', '..', 'docs');

/** The address of the proxy in docs/clients.md. */
export const DOCUMENTED_ADDRESS = 'http://localhost:8002';

/**
 * A block below a heading.
 * @param language as written after the fence
 * @param index which one of this language below the heading
 * @throws when the page has no such block
 */
export function documentedBlock(page: string, heading: string, language: string, index = 0): string {
  const block = blocksOf(readFileSync(join(docs, page), 'utf8'), heading, language)[index];
  if (block === undefined)
    throw new Error(`docs/${page} has no block ${language} ${index} below "${heading}"`);
  return block;
}

export function blocksOf(text: string, heading: string, language: string): readonly string[] {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, '') === heading);
  if (start < 0) return [];
  const blocks: string[] = [];
  let open: { language: string; indent: number; lines: string[] } | undefined;
  for (const line of lines.slice(start + 1)) {
    const fence = /^( *)```(\S*)/.exec(line);
    if (open && fence) {
      if (open.language === language) blocks.push(`${open.lines.join('\n')}\n`);
      open = undefined;
    } else if (open) open.lines.push(line.slice(open.indent));
    else if (fence) open = { language: fence[2] ?? '', indent: fence[1]?.length ?? 0, lines: [] };
    else if (/^##? /.test(line)) break;
  }
  return blocks;
}

/** Replaces parts of a documented block. @throws when one of them is not in the block, as then the page has changed. */
export function adapt(block: string, replacements: Readonly<Record<string, string>>): string {
  let text = block;
  for (const [from, to] of Object.entries(replacements)) {
    if (!text.includes(from)) throw new Error(`the documented block has no "${from}":\n${block}`);
    text = text.replaceAll(from, to);
  }
  return text;
}
