/** Reads routing rules from a file of their own. `routing-watch.ts` reads it again when it changes. */
import { isMap, isNode, LineCounter, parseDocument, type Document } from 'yaml';
import { readRules, type RuleList } from '../config/schema/routing-rule.ts';
import { partName } from '../config/sources/source.ts';
import { nodeAt } from '../config/sources/settings-file.ts';
import { hasEndMark, readStill } from '../support/file-watch.ts';

/** The rules of one version of the file. */
export interface RulesFile {
  readonly list: RuleList;
  /** True if the file ends with `...`, YAML's mark for the end of a document. */
  readonly hasEndMark: boolean;
}

/** Most problems in one message. */
const MAX_PROBLEMS = 5;

/**
 * Reads a YAML or JSON file with a list `rules`. No rule may name `deadLetterTopic`.
 * @throws when it cannot be read, is being written, or a rule is wrong, with a message that says where.
 */
export function readRulesFile(path: string, deadLetterTopic: string): RulesFile {
  const text = readStill(path);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = document.errors;
  if (error) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw new Error(
      `not YAML (${error.code.toLowerCase().replaceAll('_', ' ')}), line ${line}, column ${col}`,
    );
  }
  const { contents } = document;
  if (!isMap(contents) || contents.items.length !== 1 || !contents.has('rules')) {
    throw new Error('a list `rules:` was expected, and no other field beside it');
  }
  const node = nodeAt(contents, ['rules']);
  const { list, problems } = readRules(valueOf(node, document), deadLetterTopic);
  if (problems.length > 0) {
    const told = problems.slice(0, MAX_PROBLEMS).map(({ path: part, message }) => {
      const inner = nodeAt(node, part);
      const range = isNode(inner) ? inner.range : undefined;
      const line = range ? ` line ${lines.linePos(range[0]).line}` : '';
      return `${partName('rules', part)}${line}: ${message}`;
    });
    const more = problems.length - told.length;
    throw new Error(told.join('; ') + (more > 0 ? `; and ${more} more` : ''));
  }
  return { list, hasEndMark: hasEndMark(text) };
}

function valueOf(node: unknown, document: Document): unknown {
  try {
    return isNode(node) ? node.toJS(document) : node;
  } catch {
    throw new Error('an alias (*) without an anchor (&), or too many aliases; put patterns in quotes');
  }
}
