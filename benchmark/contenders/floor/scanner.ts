import { memory, scanner } from '../../../src/openlineage/scanner-module.ts';

/** Indexes of 32-bit numbers in the scanner's result, as in assembly/memory.ts. */
const KIND = 0;
const NAMESPACE = 2;
const NAMESPACE_END = 3;
const NAME = 4;
const NAME_END = 5;
const HAS_ESCAPE = 6;
const RESULTS = 7;

const PREFIXES = ['', 'run:', 'job:', 'dataset:'];

/** The scanner of `assembly/`, used without any other part of http2kafka. */
export class FloorScanner {
  /** Where the scanner expects the bytes. */
  readonly #input = scanner.INPUT.value;
  readonly #memory = Buffer.from(memory);
  readonly #result = new Uint32Array(memory, scanner.RESULT.value, RESULTS);

  /** The record's key, such as `run:namespace/name`, each character one byte of UTF-8. Undefined when the bytes are not certainly an event. */
  keyOf(pieces: readonly Buffer[]): string | undefined {
    const length = this.#copy(pieces);
    if (scanner.scanEvent(this.#input, length) === 0) return undefined;
    const key = `${PREFIXES[this.#result[KIND] ?? 0] ?? ''}${this.#text(NAMESPACE, NAMESPACE_END)}/${this.#text(NAME, NAME_END)}`;
    return this.#result[HAS_ESCAPE] === 0 ? key : unescape(key);
  }

  /** The start and end offsets of an array's elements, in pairs. Undefined when the bytes are not certainly an array. */
  elementsOf(body: Buffer): Uint32Array | undefined {
    const count = scanner.scanArray(this.#input, this.#copy([body]));
    if (count < 0) return undefined;
    return new Uint32Array(memory, scanner.ELEMENTS.value, count * 2).slice();
  }

  /** Copies the pieces into the scanner's memory. Returns their length. */
  #copy(pieces: readonly Buffer[]): number {
    let at = this.#input;
    for (const piece of pieces) {
      this.#memory.set(piece, at);
      at += piece.length;
    }
    const length = at - this.#input;
    scanner.terminate(length);
    return length;
  }

  /** The bytes between two places of the result, each as one character. */
  #text(start: number, end: number): string {
    const from = this.#input + (this.#result[start] ?? 0);
    return this.#memory.toString('latin1', from, this.#input + (this.#result[end] ?? 0));
  }
}

/** The bytes of a JSON string's text; the scanner has checked its escapes. */
function unescape(bytes: string): string {
  const text = String(JSON.parse(`"${Buffer.from(bytes, 'latin1').toString()}"`));
  return Buffer.from(text).toString('latin1');
}
