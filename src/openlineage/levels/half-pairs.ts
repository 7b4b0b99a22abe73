/** Half surrogate pairs in JSON text. Some parsers refuse them, and `JSON.parse` takes them. */

const BACKSLASH = 0x5c;
const LOWER_U = 0x75;

/** The offset of the first escape of half a surrogate pair; undefined if there is none. The text is valid JSON. */
export function halfPairIn(bytes: Buffer): number | undefined {
  let at = bytes.indexOf(BACKSLASH);
  while (at >= 0) {
    if (bytes[at + 1] !== LOWER_U) {
      at = bytes.indexOf(BACKSLASH, at + 2);
      continue;
    }
    const unit = unitAt(bytes, at);
    const isHigh = unit >= 0xd800 && unit < 0xdc00;
    if (isHigh) {
      const hasLow = bytes[at + 6] === BACKSLASH && bytes[at + 7] === LOWER_U;
      const low = hasLow ? unitAt(bytes, at + 6) : 0;
      if (low < 0xdc00 || low > 0xdfff) return at;
      at = bytes.indexOf(BACKSLASH, at + 12);
      continue;
    }
    if (unit >= 0xdc00 && unit <= 0xdfff) return at;
    at = bytes.indexOf(BACKSLASH, at + 6);
  }
  return undefined;
}

/** The number of the escape `\uXXXX` at `at`. */
function unitAt(bytes: Buffer, at: number): number {
  return Number.parseInt(bytes.toString('latin1', at + 2, at + 6), 16);
}
