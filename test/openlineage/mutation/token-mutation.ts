import type { Random } from '../random.ts';
import { anyValues, isKnownField, valuesFor } from './strange-values.ts';

/** A string or another scalar of a JSON text, by its offsets. A broken text is split in the same way. */
interface Token {
  readonly start: number;
  readonly end: number;
  readonly isKey: boolean;
  readonly isText: boolean;
  /** The key before it. */
  readonly field?: string;
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let key: { readonly name: string; readonly until: number } | undefined;
  for (const match of text.matchAll(/("(?:[^"\\]|\\.)*"|[^\s{}[\],:"]+)(\s*:\s*)?/gs)) {
    const [whole, token = '', colon] = match;
    const start = match.index;
    const isKey = colon !== undefined;
    const field = key?.until === start ? { field: key.name } : {};
    tokens.push({ start, end: start + token.length, isKey, isText: token.startsWith('"'), ...field });
    key = isKey ? { name: token.slice(1, -1), until: start + whole.length } : undefined;
  }
  return tokens;
}

/** A text with a change of one scalar or key, mostly in a known field. Most results are JSON. */
export function mutateToken(source: Buffer, random: Random): Buffer {
  // Latin-1 has one character per byte, so offsets in the text are offsets in the bytes.
  const text = source.toString('latin1');
  const tokens = tokensOf(text);
  if (tokens.length === 0) return source;
  const known = tokens.filter(({ field }) => field !== undefined && isKnownField(field));
  const token = known.length > 0 && random.below(4) > 0 ? random.of(known) : random.of(tokens);
  const old = text.slice(token.start, token.end);
  const changed = changedToken(token, old, random);
  return Buffer.concat([
    source.subarray(0, token.start),
    Buffer.from(changed, 'latin1'),
    source.subarray(token.end),
  ]);
}

const latin1Of = (text: string) => Buffer.from(text).toString('latin1');

function changedToken({ isKey, isText, field }: Token, old: string, random: Random): string {
  const inField = latin1Of(random.of(field === undefined ? anyValues : valuesFor(field)));
  if (isText && random.below(3) === 0) return escapeOne(old, random);
  if (isKey) {
    const twice = `${old}:${latin1Of(random.of(valuesFor(old.slice(1, -1))))},${old}`;
    return random.of([twice, twice, old.toUpperCase(), `${old.slice(0, -1)} "`, '"__proto__"']);
  }
  switch (random.below(4)) {
    case 0:
      return changeOne(old, random);
    case 1:
      // Repeats the field with another value.
      return field === undefined ? inField : `${old},"${field}":${inField}`;
    case 2:
      return latin1Of(random.of(anyValues));
    default:
      return inField;
  }
}

/** Replaces one character by its escape. Of a non-ASCII character it takes one byte, which gives another character. */
function escapeOne(old: string, random: Random): string {
  const at = 1 + random.below(Math.max(1, old.length - 2));
  // A string with escapes stays: a change inside an escape would break it.
  if (old.length < 3 || old.includes('\\')) return old;
  const hex = old.charCodeAt(at).toString(16).padStart(4, '0');
  return `${old.slice(0, at)}\\u${random.below(2) === 0 ? hex : hex.toUpperCase()}${old.slice(at + 1)}`;
}

const CHARACTERS = '0123456789abfFgzZtT:.-+/ ,_';

/** Replaces, adds or removes one character: this turns one time or id into another. */
function changeOne(old: string, random: Random): string {
  const at = 1 + random.below(Math.max(1, old.length - 2));
  const character = CHARACTERS.charAt(random.below(CHARACTERS.length));
  return old.slice(0, at) + random.of([character, '']) + old.slice(at + random.below(2));
}
