/** The text of an answer's head, for the answers that Node's HTTP server does not write. */
import { STATUS_CODES } from 'node:http';

/** RFC 9110 §5.5: characters that a header may have. Another one could end it, and begin a header of its own. */
const HEADER_TEXT = /^[\t\x20-\x7e\x80-\xff]*$/;

export function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
}

/** @throws {TypeError} for a character that no header may have. */
export function headerLine(name = '', value = ''): string {
  if (!HEADER_TEXT.test(value))
    throw new TypeError(`the header ${name} has a character that no header may have`);
  return `${name}: ${value}\r\n`;
}

/** `lines` are names and values in turn. Those before the index `from` are left out. */
export function headerLines(lines: readonly string[], from = 0): string {
  let text = '';
  for (let index = from; index < lines.length; index += 2) text += headerLine(lines[index], lines[index + 1]);
  return text;
}
