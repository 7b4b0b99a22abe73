/**
 * Names in memory that exists from the start. A name is copied from the bytes of its event, up to a bound, and becomes a
 * text only when someone reads it. So a name costs no object, and a long one no memory.
 */
import { printable } from '../support/printable.ts';

/** Most characters of a name that is a text already. A longer one is copied, so that it does not hold the whole. */
export const MAX_NAME = 200;

/** Bytes of a name in a slot. */
const SLOT_BYTES = 256;

const BACKSLASH = 0x5c;

export class NameSlots {
  readonly #bytes: Buffer;
  readonly #lengths: Uint16Array;
  readonly #flags: Uint8Array;

  constructor(slots: number) {
    this.#bytes = Buffer.alloc(slots * SLOT_BYTES);
    this.#lengths = new Uint16Array(slots);
    this.#flags = new Uint8Array(slots);
  }

  /** Copies the bytes from `start` to `end`. `hasEscape`: they may have escapes of JSON. */
  copy(slot: number, from: Buffer, start: number, end: number, hasEscape: boolean): void {
    const length = Math.min(end - start, SLOT_BYTES);
    const at = slot * SLOT_BYTES;
    const bytes = this.#bytes;
    // Most names have some ten bytes: a loop costs less than the call of `Buffer.copy`.
    for (let i = 0; i < length; i++) bytes[at + i] = from[start + i] ?? 0;
    this.#lengths[slot] = length;
    this.#flags[slot] = (hasEscape ? HAS_ESCAPE : 0) | (end - start > SLOT_BYTES ? IS_CUT : 0);
  }

  /** Writes a text that exists already. */
  write(slot: number, text: string): void {
    this.#lengths[slot] = this.#bytes.write(text.slice(0, SLOT_BYTES), slot * SLOT_BYTES, SLOT_BYTES);
    this.#flags[slot] = text.length > SLOT_BYTES ? IS_CUT : 0;
  }

  /** The text, with `…` at its end if it was cut. */
  read(slot: number): string {
    const at = slot * SLOT_BYTES;
    const bytes = this.#bytes.subarray(at, at + (this.#lengths[slot] ?? 0));
    const flags = this.#flags[slot] ?? 0;
    const isCut = (flags & IS_CUT) !== 0;
    const text = wholeCharacters(bytes, isCut);
    const name = (flags & HAS_ESCAPE) !== 0 && bytes.includes(BACKSLASH) ? unescaped(text) : text;
    return isCut ? `${name}…` : name;
  }
}

const HAS_ESCAPE = 1;
const IS_CUT = 2;

/** Without the part of a character at the end. */
function wholeCharacters(bytes: Buffer, isCut: boolean): string {
  const text = bytes.toString('utf8');
  return isCut ? text.replace(/\ufffd$/, '') : text;
}

/** The text of a JSON string, which may be cut within an escape: `\ud83d\ude00` has twelve characters. */
function unescaped(text: string): string {
  for (let end = text.length; end >= Math.max(0, text.length - 12); end--) {
    try {
      return String(JSON.parse(`"${text.slice(0, end)}"`));
    } catch {
      // One character less.
    }
  }
  return text;
}

/** A name for keeping: the text itself if it is short, otherwise a copy of its first characters. */
export function kept(name: string): string {
  if (name.length <= MAX_NAME) return name;
  // A slice of a text holds the whole text in memory.
  return `${Buffer.from(name.slice(0, MAX_NAME))
    .toString('utf8')
    .replace(/\ufffd$/, '')}…`;
}

/** A name for people. Line ends and characters that turn the direction of the text become U+FFFD. */
export function shown(name: string | undefined): string | undefined {
  return name === undefined ? undefined : printable(name);
}
