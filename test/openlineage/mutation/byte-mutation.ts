import type { Random } from '../random.ts';

/** Bytes with a meaning in JSON, and some without. */
const CHARACTERS = Buffer.from('{}[],:"\\/ \t\r\nuUeE+-.0123456789abnrtfls\u0000\u001f\u007fäЖ🦆');

/** Small texts with all elements of JSON: most changes of them have an effect. */
export const dense: readonly Buffer[] = [
  '[{"a":[1,-2.5e+10,"\\u00e4\\n\\"",null,true,false]},{"":{}},[],"ä🦆",0]',
  '{"eventTime":"2026-11-22T10:15:30Z","run":{"runId":"1"},"job":{"namespace":"n","name":"\\ud83e\\udd86"}}',
  '\r\n [ 1 ,\t"a" , { "b" : [ ] } ]\n',
].map((text) => Buffer.from(text));

/** Bytes that are not UTF-8, or rare in UTF-8. */
const CHUNKS: readonly Buffer[] = [
  ...[
    [0x80],
    [0xc0, 0xa2],
    [0xe0, 0x80, 0xaf],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
    [0xf0, 0x9f, 0xa6],
  ],
  ...[[0xef, 0xbb, 0xbf], [0xc2, 0x80], [0xed, 0x9f, 0xbf], [0xf4, 0x8f, 0xbf, 0xbf], [0xff], [0x00], [0x7f]],
].map((bytes) => Buffer.from(bytes));
const ESCAPES = [
  '\\u0041',
  '\\ud800',
  '\\ud83e\\udd86',
  '\\"',
  '\\\\',
  '\\/',
  '\\n',
  '\\x',
  '\\u00g0',
  '\\u',
];

const SPACE = [' ', '\t', '\r\n', '', '\u00a0', '\f'].map((text) => Buffer.from(text));

/** A text with one or two small changes at random places. */
export function mutateBytes(source: Buffer, random: Random): Buffer {
  let bytes = source;
  for (let changes = 1 + Math.floor(random.below(4) / 2); changes > 0; changes--) {
    bytes = Buffer.concat(change(bytes, random));
  }
  return bytes;
}

/** The pieces of a changed text. */
function change(bytes: Buffer, random: Random): Buffer[] {
  const at = random.below(bytes.length + 1);
  const until = Math.min(bytes.length, at + random.below(8));
  const [before, behind] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (random.below(12)) {
    case 0:
      return [before, random.of(SPACE), behind];
    case 1:
      return [before, Buffer.from([random.of([...CHARACTERS])]), behind];
    case 2:
      return [before, Buffer.from([random.of([...CHARACTERS])]), bytes.subarray(at + 1)];
    case 3:
      return [before, bytes.subarray(until)];
    case 4:
      return [bytes.subarray(0, until), behind];
    case 5:
      return [before, random.of(dense), behind];
    case 6:
      return [before];
    case 7:
      return [before, random.of(CHUNKS), behind];
    case 8:
      return [before, Buffer.from(random.of(ESCAPES)), behind];
    case 9:
      return [before, Buffer.from([(bytes[at] ?? 0) ^ (1 << random.below(8))]), bytes.subarray(at + 1)];
    case 10: {
      // Swaps two neighbouring ranges.
      const end = Math.min(bytes.length, until + random.below(30));
      return [before, bytes.subarray(until, end), bytes.subarray(at, until), bytes.subarray(end)];
    }
    default: {
      // Inserts a longer range from another place.
      const from = random.below(bytes.length + 1);
      return [before, bytes.subarray(from, from + random.below(60)), behind];
    }
  }
}
