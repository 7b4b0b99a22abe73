/**
 * Writes the heads of answers. Nearly all answers differ in one header only, the id of their request, which comes first. So
 * the rest of the latest head is kept, with its time, which changes once a second.
 */
import { headerLine, headerLines, statusLine } from '../head-text.ts';

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
      const date = new Date(second * SECOND_MS).toUTCString();
      this.#start = statusLine(status);
      this.#rest = `${headerLines(lines, 2)}Date: ${date}\r\n${isLast ? CLOSE : this.#keepAlive}\r\n`;
      this.#status = status;
      this.#second = second;
      this.#isLast = isLast;
      this.#lines = lines;
    }
    return this.#start + headerLine(lines[0], lines[1]) + this.#rest;
  }
}

/** True if all lines but the first have the same text. */
function hasSameRest(lines: readonly string[], others: readonly string[]): boolean {
  if (lines.length !== others.length) return false;
  for (let index = 2; index < lines.length; index++) if (lines[index] !== others[index]) return false;
  return true;
}
