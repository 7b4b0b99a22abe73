import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  parseDocument,
  type Document,
  type YAMLMap,
} from 'yaml';
import { catalog, isSectionName, secretOfFile, sections } from '../catalog.ts';
import type { Fault } from '../configuration-error.ts';
import { nearestName, suggestion } from '../nearest-name.ts';
import { note, type Source, type Written } from './source.ts';

/** The file while it is walked, and what has been found in it so far. */
interface Walk {
  readonly path: string;
  readonly document: Document;
  readonly lines: LineCounter;
  readonly written: Map<string, Written>;
  readonly faults: Fault[];
}

/**
 * What a configuration file says. YAML, and so JSON; sections may be nested (`server:` with `port:` in it) or written
 * out (`server.port:`).
 */
export function readSettingsFile(path: string, text: string): Source {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const walk: Walk = { path, document, lines, written: new Map(), faults: [] };
  if (document.errors.length > 0) {
    walk.faults.push(...document.errors.map(({ code, pos }) => notYaml(walk, code, pos[0])));
  } else if (isMap(document.contents)) {
    readSection(walk, document.contents, '');
  } else if (document.contents !== null && !isEmpty(document.contents)) {
    walk.faults.push({
      place: path,
      message: 'sections were expected, such as "kafka:", each with its settings',
    });
  }
  return { written: walk.written, faults: walk.faults, unreadable: document.errors.length > 0 };
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
    else walk.faults.push({ place, message: unknownKey(name) });
  }
}

function readInner(walk: Walk, name: string, value: unknown, place: string): void {
  const section = isAlias(value) ? value.resolve(walk.document) : value;
  if (isMap(section)) readSection(walk, section, `${name}.`);
  else if (section !== null && !isEmpty(section)) {
    walk.faults.push({ place, message: 'a section, which has no value of its own; name settings in it' });
  }
}

function readValue(walk: Walk, name: string, node: unknown, place: string, inFile?: true): void {
  if (walk.written.has(name) && walk.written.get(name)?.inFile === inFile) {
    walk.faults.push({ place, message: 'set before in this file' });
    return;
  }
  try {
    const value: unknown = isNode(node) ? node.toJS(walk.document) : node;
    note(walk.written, walk.faults, name, { value, place, ...(inFile && { inFile }) });
  } catch {
    // Its own message repeats what is written, which may be a password that begins with an asterisk.
    walk.faults.push({
      place,
      message: 'an alias (*name) for an anchor that is not there; put a text in quotes',
    });
  }
}

/** A section without anything in it, as when all of its settings are commented out. */
function isEmpty(node: unknown): boolean {
  return isScalar(node) && node.value === null;
}

function placeOf({ path, lines }: Walk, name: string, key: unknown): string {
  const range = isNode(key) ? key.range : undefined;
  return `${name} in ${path}${range ? ` line ${lines.linePos(range[0]).line}` : ''}`;
}

// By its code and not by the parser's message, which may quote what is written: a secret, perhaps.
function notYaml({ path, lines }: Walk, code: string, offset: number): Fault {
  const { line, col } = lines.linePos(offset);
  const reason = code.toLowerCase().replaceAll('_', ' ');
  return { place: `${path} line ${line}`, message: `not YAML (${reason}) at column ${col}` };
}

function unknownKey(name: string): string {
  const candidates = [...catalog.keys(), ...sections.map((section) => section.name)];
  return `there is no such setting.${suggestion(nearestName(name, candidates))}`;
}
