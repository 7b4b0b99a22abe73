import {
  isAlias,
  isCollection,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  parseDocument,
  type Document,
  type YAMLMap,
} from 'yaml';
import { catalog, isSectionName, secretOfFile, sections } from '../catalog.ts';
import type { ConfigurationError } from '../configuration-error.ts';
import { nearestName, suggestion } from '../nearest-name.ts';
import { addWritten, partName, type Source, type Written } from './source.ts';

/** A file, with the settings and errors that were found in it so far. */
interface Walk {
  readonly path: string;
  readonly document: Document;
  readonly lines: LineCounter;
  readonly written: Map<string, Written>;
  readonly errors: ConfigurationError[];
}

/**
 * The settings that a configuration file gives. The file is YAML, and so it may be JSON. Sections may be nested
 * (`server:` with `port:` in it) or written in full (`server.port:`).
 */
export function readSettingsFile(path: string, text: string): Source {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const walk: Walk = { path, document, lines, written: new Map(), errors: [] };
  if (document.errors.length > 0) {
    walk.errors.push(...document.errors.map(({ code, pos }) => notYaml(walk, code, pos[0])));
  } else if (isMap(document.contents)) {
    readSection(walk, document.contents, '');
  } else if (document.contents !== null && !isEmpty(document.contents)) {
    walk.errors.push({
      place: path,
      message: 'sections were expected, such as "kafka:", each with its settings',
    });
  }
  return { written: walk.written, errors: walk.errors, unreadable: document.errors.length > 0 };
}

function readSection(walk: Walk, section: YAMLMap, prefix: string): void {
  for (const { key, value } of section.items) {
    const word = isScalar(key) ? String(key.value) : String(key);
    const name = prefix + word;
    // Editors find the JSON Schema of a JSON file by this key.
    if (name === '$schema') continue;
    const place = placeOf(walk, name, key);
    const secret = secretOfFile(name);
    if (secret) readValue(walk, secret.name, value, place, true);
    else if (catalog.has(name)) readValue(walk, name, value, place);
    else if (isSectionName(name)) readInner(walk, name, value, place);
    else walk.errors.push({ place, message: unknownKey(name) });
  }
}

function readInner(walk: Walk, name: string, value: unknown, place: string): void {
  const section = isAlias(value) ? value.resolve(walk.document) : value;
  if (isMap(section)) readSection(walk, section, `${name}.`);
  else if (section !== null && !isEmpty(section)) {
    walk.errors.push({ place, message: 'a section has no value of its own; name settings in it' });
  }
}

function readValue(walk: Walk, name: string, node: unknown, place: string, inFile?: true): void {
  if (walk.written.has(name) && walk.written.get(name)?.inFile === inFile) {
    walk.errors.push({ place, message: 'set earlier in this file, too' });
    return;
  }
  try {
    const value: unknown = isNode(node) ? node.toJS(walk.document) : node;
    const placeOfPart = (path: readonly (string | number)[]) =>
      placeOf(walk, partName(name, path), nodeAt(node, path));
    addWritten(walk.written, walk.errors, name, {
      value,
      place,
      placeOf: placeOfPart,
      ...(inFile && { inFile }),
    });
  } catch {
    // The parser's message repeats the text, which may be a password that begins with an asterisk.
    walk.errors.push({
      place,
      message: 'an alias (*name) of an anchor that does not exist; put text in quotes',
    });
  }
}

/** Whether a section is empty, for example because all of its settings are commented out. */
function isEmpty(node: unknown): boolean {
  return isScalar(node) && node.value === null;
}

function placeOf({ path, lines }: Walk, name: string, key: unknown): string {
  const range = isNode(key) ? key.range : undefined;
  return `${name} in ${path}${range ? ` line ${lines.linePos(range[0]).line}` : ''}`;
}

/** The node of a part of a value, or of the nearest value around it. An alias in between ends the search. */
export function nodeAt(node: unknown, path: readonly (string | number)[]): unknown {
  let found = node;
  for (const step of path) {
    const inner: unknown = isCollection(found) ? found.get(step, true) : undefined;
    if (!isNode(inner)) break;
    found = inner;
  }
  return found;
}

// The message has the parser's code and not its message, because that may quote a secret.
function notYaml({ path, lines }: Walk, code: string, offset: number): ConfigurationError {
  const { line, col } = lines.linePos(offset);
  const reason = code.toLowerCase().replaceAll('_', ' ');
  return { place: `${path} line ${line}`, message: `not YAML (${reason}) at column ${col}` };
}

function unknownKey(name: string): string {
  const candidates = [...catalog.keys(), ...sections.map((section) => section.name)];
  return `there is no such setting.${suggestion(nearestName(name, candidates))}`;
}
