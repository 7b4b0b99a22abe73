/** The tokens of an expression in Python 3.12. A text that has none is a syntax error of Python. */
import { isUtf8 } from 'node:buffer';

export class PythonSyntaxError extends Error {}

export interface Token {
  readonly kind: 'name' | 'keyword' | 'number' | 'string' | 'operator' | 'end';
  /** The name, the keyword or the operator. */
  readonly text: string;
  /** Of a string: `format` has values in it, and `bytes` does not mix with the others. */
  readonly string?: 'text' | 'bytes' | 'format';
  /** True for a string that is text: bytes must be UTF-8. */
  readonly isText?: boolean;
  /** The expressions in a format string. */
  readonly values?: readonly string[];
}

const KEYWORDS = new Set(
  (
    'False None True and as assert async await break class continue def del elif else except finally for from ' +
    'global if import in is lambda nonlocal not or pass raise return try while with yield'
  ).split(' '),
);
/** Keywords that may follow a number without space. */
const AFTER_NUMBER = /^(?:and|else|for|if|in|is|not|or)(?!\p{XID_Continue})/u;

const SPACE = /(?:[ \t\f]|\\(?:\r\n|[\r\n]))*(?:#[^\r\n]*)?/y;
const NAME = /[\p{XID_Start}_]\p{XID_Continue}*/uy;
const DIGITS = '[0-9](?:_?[0-9])*';
const EXPONENT = `[eE][+-]?${DIGITS}`;
const NUMBER = new RegExp(
  `0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|` +
    `(?:${DIGITS}\\.(?:${DIGITS})?|\\.${DIGITS})(?:${EXPONENT})?[jJ]?|${DIGITS}${EXPONENT}[jJ]?|${DIGITS}[jJ]|` +
    `0(?:_?0)*(?!_?[0-9])|[1-9](?:_?[0-9])*`,
  'y',
);
const STRING_START = /(r|u|b|br|rb|f|fr|rf|)('''|"""|'|")/iy;
const OPERATOR = /\*\*|\/\/|<<|>>|:=|<=|>=|==|!=|->|\.\.\.|[-+*/%@&|^~<>()[\]{},:.=]/y;
const OPENING = '([{';
const CLOSING = ')]}';
/** Python's tokenizer takes no more brackets inside of each other. */
const MAX_BRACKETS = 200;
/** Most digits of a decimal integer. */
const MAX_DIGITS = 4300;

/** @throws {PythonSyntaxError} for a text that is no Python. */
export function tokensOf(source: string): readonly Token[] {
  const tokens: Token[] = [];
  const brackets: number[] = [];
  let at = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(source);
  };
  if (source.includes('\0')) throw new PythonSyntaxError();
  for (;;) {
    at += match(SPACE)?.[0].length ?? 0;
    if (at >= source.length) break;
    const newline = /^(?:\r\n|[\r\n])/.exec(source.slice(at, at + 2));
    if (newline) {
      at += newline[0].length;
      // Outside of brackets a line ends the expression: only empty lines may follow.
      if (brackets.length === 0) skipEmptyLines(source, at, tokens.length === 0);
      if (brackets.length === 0 && tokens.length > 0) break;
      continue;
    }
    const string = match(STRING_START);
    if (string) {
      const read = readString(source, at, string[1] ?? '', string[2] ?? '');
      tokens.push(read.token);
      at = read.end;
      continue;
    }
    const name = match(NAME)?.[0];
    if (name !== undefined) {
      tokens.push({ kind: KEYWORDS.has(name) ? 'keyword' : 'name', text: name });
      at += name.length;
      continue;
    }
    const number = match(NUMBER)?.[0];
    if (number !== undefined) {
      at += number.length;
      checkNumberEnd(number, source.slice(at, at + 8));
      tokens.push({ kind: 'number', text: number });
      continue;
    }
    const operator = match(OPERATOR)?.[0];
    if (operator === undefined) throw new PythonSyntaxError();
    if (OPENING.includes(operator)) {
      brackets.push(OPENING.indexOf(operator));
      if (brackets.length > MAX_BRACKETS) throw new PythonSyntaxError();
    } else if (CLOSING.includes(operator) && brackets.pop() !== CLOSING.indexOf(operator)) {
      throw new PythonSyntaxError();
    }
    tokens.push({ kind: 'operator', text: operator });
    at += operator.length;
  }
  if (brackets.length > 0) throw new PythonSyntaxError();
  tokens.push({ kind: 'end', text: '' });
  return tokens;
}

function skipEmptyLines(source: string, from: number, isStart: boolean): void {
  const rest = source.slice(from);
  if (isStart) {
    // The first line with something must not be indented.
    if (/^(?:[ \t\f]*(?:#[^\r\n]*)?[\r\n])*[ \t]+[^ \t\f\r\n#]/.test(rest)) throw new PythonSyntaxError();
    return;
  }
  if (!/^(?:[ \t\f]*(?:#[^\r\n]*)?[\r\n])*(?:#[^\r\n]*)?$/.test(rest)) throw new PythonSyntaxError();
}

function checkNumberEnd(number: string, next: string): void {
  if (/^[0-9]+$/.test(number.replaceAll('_', '')) && number.replaceAll('_', '').length > MAX_DIGITS) {
    throw new PythonSyntaxError();
  }
  if (/^[\p{XID_Continue}]/u.test(next) && !AFTER_NUMBER.test(next)) throw new PythonSyntaxError();
}

function readString(
  source: string,
  start: number,
  prefix: string,
  quote: string,
): { readonly token: Token; readonly end: number } {
  const lower = prefix.toLowerCase();
  let at = start + prefix.length + quote.length;
  const from = at;
  while (!source.startsWith(quote, at)) {
    const character = source[at];
    if (character === undefined) throw new PythonSyntaxError();
    if (quote.length === 1 && (character === '\n' || character === '\r')) throw new PythonSyntaxError();
    at += character === '\\' ? 2 : 1;
  }
  const content = source.slice(from, at);
  const string = lower.includes('f') ? 'format' : lower.includes('b') ? 'bytes' : 'text';
  const isRaw = lower.includes('r');
  const end = at + quote.length;
  if (string === 'bytes') {
    return { token: { kind: 'string', text: '', string, isText: isTextOfBytes(content, isRaw) }, end };
  }
  if (!isRaw) checkEscapes(content);
  const values = string === 'format' ? valuesOf(content) : [];
  return { token: { kind: 'string', text: '', string, isText: string === 'text', values }, end };
}

const ESCAPE = /\\(?:x([0-9a-fA-F]{2})?|u([0-9a-fA-F]{4})?|U([0-9a-fA-F]{8})?|N(\{[^}]+\})?|[^xuUN])/gs;
const MAX_CODE_POINT = 0x10ffff;

function checkEscapes(content: string): void {
  for (const [escape, two, four, eight, name] of content.matchAll(ESCAPE)) {
    const kind = escape[1] ?? '';
    if (!'xuUN'.includes(kind)) continue;
    const digits = two ?? four ?? eight;
    if (digits === undefined && name === undefined) throw new PythonSyntaxError();
    if (Number.parseInt(digits ?? '0', 16) > MAX_CODE_POINT) throw new PythonSyntaxError();
  }
}

/** The expressions in the braces of a format string. Two braces are one of the text. */
function valuesOf(content: string): readonly string[] {
  const values: string[] = [];
  let at = 0;
  while (at < content.length) {
    const character = content[at];
    if ((character === '{' || character === '}') && content[at + 1] === character) {
      at += 2;
    } else if (character === '}') {
      throw new PythonSyntaxError();
    } else if (character === '{') {
      const [end, value] = readValue(content, at + 1);
      if (value.trim() === '') throw new PythonSyntaxError();
      values.push(value);
      at = end;
    } else {
      at += 1;
    }
  }
  return values;
}

/** Reads `value=!r:format}`, and returns its end and the value. */
function readValue(content: string, from: number): readonly [end: number, value: string] {
  let depth = 0;
  let valueEnd: number | undefined;
  for (let at = from; at < content.length; at++) {
    const character = content[at] ?? '';
    if (OPENING.includes(character)) depth += 1;
    else if (depth > 0 && CLOSING.includes(character)) depth -= 1;
    else if (character === '}') return [at + 1, content.slice(from, valueEnd ?? at).replace(/=\s*$/, '')];
    else if (depth > 0 || valueEnd !== undefined) continue;
    else if (character === ':' || (character === '!' && content[at + 1] !== '=')) valueEnd = at;
  }
  throw new PythonSyntaxError();
}

const BYTES_ESCAPE = /\\(?:x([0-9a-fA-F]{2})?|([0-7]{1,3})|[^x0-7])|[^\\]+/gs;

function isTextOfBytes(content: string, isRaw: boolean): boolean {
  if (/[^\0-\x7f]/.test(content)) throw new PythonSyntaxError();
  if (isRaw) return true;
  const bytes: number[] = [];
  for (const [piece, hex, octal] of content.matchAll(BYTES_ESCAPE)) {
    if (piece.startsWith('\\x') && hex === undefined) throw new PythonSyntaxError();
    if (hex !== undefined) bytes.push(Number.parseInt(hex, 16));
    else if (octal !== undefined) bytes.push(Number.parseInt(octal, 8) & 0xff);
    else bytes.push(0x20);
  }
  return isUtf8(Buffer.from(bytes));
}
