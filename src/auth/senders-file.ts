/** Reads and checks the senders file: API keys and limits. `senders.ts` applies them. */
import Type, { type Static } from 'typebox';
import { Value } from 'typebox/value';
import { parseDocument } from 'yaml';
import { hasEndMark, readStill } from '../support/file-watch.ts';
import { isSenderName, NAME_RULE } from './sender-name.ts';

const Entry = Type.Object(
  {
    /** With API keys: the name of their sender. Otherwise a pattern of the senders that have the limits, with `*`. */
    name: Type.Refine(Type.String(), isSenderName),
    way: Type.Optional(Type.Enum(['personal-token', 'api-key', 'oidc', 'certificate'])),
    api_keys: Type.Optional(
      Type.Array(Type.String({ pattern: '^sha256:[0-9a-fA-F]{64}$' }), { minItems: 1 }),
    ),
    namespaces: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })),
    events_per_second: Type.Optional(Type.Number({ exclusiveMinimum: 0, maximum: 1_000_000 })),
  },
  { additionalProperties: false },
);

const File = Type.Object({ senders: Type.Array(Entry) }, { additionalProperties: false });

export type SenderEntry = Static<typeof Entry>;

/** What each field of an entry must be. Messages do not repeat what the file has there: it may be a key. */
const EXPECTED: Readonly<Record<string, string>> = {
  name: `a text of ${NAME_RULE}`,
  way: 'one of personal-token, api-key, oidc, certificate',
  api_keys:
    "a list of hashes such as 'sha256:9f86d0…' (64 hexadecimal digits; `http2kafka token key` makes one)",
  namespaces: 'a list of namespaces, in which * stands for any characters',
  events_per_second: 'a number above 0',
};

/** The senders of one version of the file. */
export interface SendersRead {
  readonly entries: readonly SenderEntry[];
  /** True if the file ends with `...`, YAML's mark for the end of a document. */
  readonly hasEndMark: boolean;
}

/**
 * Reads the file.
 * @throws when it cannot be read, is being written, or is invalid, with a message that says where.
 */
export function readSendersFile(path: string): readonly SenderEntry[] {
  return readSenders(path).entries;
}

/** The same, and whether the file says that it is whole. */
export function readSenders(path: string): SendersRead {
  const text = readStill(path);
  return { entries: entriesOf(text), hasEndMark: hasEndMark(text) };
}

function entriesOf(text: string): readonly SenderEntry[] {
  const content = parseYaml(text);
  if (!Value.Check(File, content)) throw new Error(problemOf(content));
  const twice = firstRepeated(
    content.senders.flatMap(({ api_keys = [] }) => api_keys.map((hash) => hash.toLowerCase())),
  );
  if (twice !== undefined) throw new Error(`an API key occurs twice: ${twice.slice(0, 20)}…`);
  const keyed = content.senders.filter(({ api_keys }) => api_keys).map(({ name }) => name);
  const namedTwice = firstRepeated(keyed);
  if (namedTwice !== undefined) {
    throw new Error(`two senders with API keys have the name '${namedTwice}'; one may have several keys`);
  }
  const unusable = content.senders.findIndex(
    ({ way, api_keys }) => api_keys && way !== undefined && way !== 'api-key',
  );
  if (unusable !== -1) throw new Error(`senders[${unusable}]: api_keys, but another way`);
  return content.senders;
}

function parseYaml(text: string): unknown {
  const document = parseDocument(text, { prettyErrors: true });
  const [error] = document.errors;
  // Not the parser's own message: it may repeat the text, which may be a key.
  if (error) throw new Error(`not YAML: ${error.code}, line ${error.linePos?.[0].line ?? '?'}`);
  try {
    return document.toJS();
  } catch {
    throw new Error('not YAML: an alias (*) without an anchor (&), or too many aliases');
  }
}

function problemOf(content: unknown): string {
  const [first] = Value.Errors(File, content);
  const path = first?.instancePath.split('/').slice(1) ?? [];
  const [list, index, field] = path;
  if (list !== 'senders' || index === undefined)
    return 'a list `senders:` was expected, and no other field beside it';
  const place = `senders[${index}]`;
  if (field === undefined) return entryProblem(content, Number(index), place);
  const expected = EXPECTED[field];
  return expected === undefined ? unknownField(place, field) : `${place}.${field}: ${expected} was expected`;
}

function unknownField(place: string, field: string): string {
  // Any other text may be a key in the wrong place.
  const shown = /^[a-z_]{1,20}$/.test(field) ? ` '${field}'` : ' of that name';
  return `${place}: there is no field${shown}`;
}

/** What is wrong with an entry as a whole. */
function entryProblem(content: unknown, index: number, place: string): string {
  const entry: unknown = Value.Pointer.Get(content, `/senders/${index}`);
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    return `${place}: \`name:\` and other fields were expected`;
  }
  const unknown = Object.keys(entry).find((field) => !(field in EXPECTED));
  return unknown === undefined ? `${place}: name is missing` : unknownField(place, unknown);
}

function firstRepeated(texts: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return texts.find((text) => seen.size === seen.add(text).size);
}
