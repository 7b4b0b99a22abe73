/**
 * Kafka's variable-length integers: groups of seven bits, lowest first; signed ones are zigzag encoded (KIP-98, as in
 * Protocol Buffers). Plain numbers, exact up to 2^53: offsets within a batch, lengths and time differences all are.
 */

/** Bytes of an unsigned varint. */
export function unsignedVarintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) size += 1;
  return size;
}

/** Writes an unsigned varint; returns the offset behind it. */
export function writeUnsignedVarint(buffer: Buffer, offset: number, value: number): number {
  let at = offset;
  let rest = value;
  while (rest > 127) {
    buffer[at++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  buffer[at++] = rest;
  return at;
}

/** Bytes of a signed varint or varlong. */
export function varintSize(value: number): number {
  return unsignedVarintSize(zigzag(value));
}

/** Writes a signed varint or varlong; returns the offset behind it. */
export function writeVarint(buffer: Buffer, offset: number, value: number): number {
  return writeUnsignedVarint(buffer, offset, zigzag(value));
}

/** By arithmetic, not by bits: JavaScript's bit operations stop at 32, a time difference of a month does not. */
function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1;
}
