/**
 * Writes the heads of answers. Nearly all answers differ in one header only, the id of their request, which comes first. So
 * the rest of the latest head is kept, with its time, which changes once a second.
 */
import { STATUS_CODES } from 'node:http';

/** RFC 9110 §5.5: characters that a header may have. Another one could end it, and begin a header of its own. */
const HEADER_TEXT = /^[\t\x20-\x7e\x80-\xff]*$/;

const SECOND_MS = 1000;

const CLOSE = 'Connection: close\r\n';

export class AnswerHeads {
  readonly #keepAlive: string;
  /** What the latest head was made of. */
  #status = 0;
  #lines: readonly string[] = [];
  #isLast = false;
  #second = 0;
  /** The latest head before its first header, and after it. */
  #start = '';
  #rest = '';

  /** `keepAlive` are the lines of an answer after which the connection stays open. */
  constructor(keepAlive: string) {
    this.#keepAlive = keepAlive;
  }

  /**
   * The head with these lines, which are names and values in turn. `isLast`: the connection closes after the answer.
   * @throws {TypeError} for a character that no header may have.
   */
  write(status: number, lines: readonly string[], isLast: boolean): string {
    const second = Math.floor(Date.now() / SECOND_MS);
    const isKnown = status === this.#status && second === this.#second && isLast === this.#isLast;
    if (!isKnown || !hasSameRest(lines, this.#lines)) {
      let rest = '';
      for (let index = 2; index < lines.length; index += 2) rest += lineOf(lines[index], lines[index + 1]);
      const date = new Date(second * SECOND_MS).toUTCString();
      this.#start = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`;
      this.#rest = `${rest}Date: ${date}\r\n${isLast ? CLOSE : this.#keepAlive}\r\n`;
      this.#status = status;
      this.#second = second;
      this.#isLast = isLast;
      this.#lines = lines;
    }
    return this.#start + lineOf(lines[0], lines[1]) + this.#rest;
  }
}

function lineOf(name = '', value = ''): string {
  if (!HEADER_TEXT.test(value))
    throw new TypeError(`the header ${name} has a character that no header may have`);
  return `${name}: ${value}\r\n`;
}

/** True if all lines but the first have the same text. */
function hasSameRest(lines: readonly string[], others: readonly string[]): boolean {
  if (lines.length !== others.length) return false;
  for (let index = 2; index < lines.length; index++) if (lines[index] !== others[index]) return false;
  return true;
}
