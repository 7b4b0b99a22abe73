/** Long runs of white space, and long strings: other code reads them than short ones, in the pool and outside of it. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { checkInSlices, checkTextFully } from '../../src/openlineage/full-check.ts';
import { scanJson } from '../../src/openlineage/json.ts';
import { countByte, skipPlainText, skipSpaces, textPool } from '../../src/openlineage/scanner-module.ts';
import { blockOf } from '../../src/support/memory/byte-pool.ts';

const LENGTHS = [1, 63, 64, 65, 66, 200, 65_535, 65_536, 65_537, 65_600, 65_601, 131_072, 200_000];

/** The text, outside of the pool, in it, and as an element in it with the same bytes on both sides. */
function placesOf(text: string): Buffer[] {
  const outside = Buffer.from(text);
  const [alone, between] = [outside, Buffer.concat([outside, outside, outside])].map((bytes) => {
    const view = textPool.take(bytes.length)?.view(bytes.length);
    assert.ok(view);
    bytes.copy(view);
    return view;
  });
  assert.ok(alone && between);
  const element = blockOf(between)?.part(between, outside.length, 2 * outside.length);
  assert.ok(element);
  return [outside, alone, element];
}

function release(places: readonly Buffer[]): void {
  for (const bytes of places.slice(1)) blockOf(bytes)?.unpin();
}

function inEachPlace(text: string, check: (bytes: Buffer, place: number) => void): void {
  const places = placesOf(text);
  for (const [place, bytes] of places.entries()) check(bytes, place);
  release(places);
}

suite('a long run', () => {
  test('of white space ends at the first other byte, or with the text', () => {
    for (const length of LENGTHS) {
      const space = ' \n\r\t'.repeat(length).slice(0, length);
      inEachPlace(space, (bytes) => assert.equal(skipSpaces(bytes, 0), length));
      for (const other of ['x', '"', '\v', '\0', 'é']) {
        inEachPlace(`x${space}${other}${space}`, (bytes) => {
          assert.equal(skipSpaces(bytes, 1), 1 + length);
          assert.equal(skipSpaces(bytes, 0), 0);
        });
      }
    }
  });

  test('of characters in a string ends at a quote, a backslash or a control character, or with the text', () => {
    for (const length of LENGTHS) {
      const plain = 'aé🦆\x7f'.repeat(length).slice(0, length).toWellFormed();
      const bytesOfPlain = Buffer.byteLength(plain);
      inEachPlace(plain, (bytes) => assert.equal(skipPlainText(bytes, 0), bytesOfPlain));
      for (const other of ['"', '\\', '\n', '\0', '\x1f']) {
        inEachPlace(plain + other + plain, (bytes) => assert.equal(skipPlainText(bytes, 0), bytesOfPlain));
      }
    }
  });

  test('of one byte is counted', () => {
    for (const length of LENGTHS) {
      inEachPlace('a,'.repeat(length), (bytes) => {
        assert.equal(countByte(bytes, 0x2c), length);
        assert.equal(countByte(bytes.subarray(1), 0x2c), length);
        assert.equal(countByte(bytes, 0), 0);
      });
    }
  });

  test('gives the places of errors behind it', async () => {
    for (const length of LENGTHS) {
      const [space, text] = [' '.repeat(length), 'ä'.repeat(length)];
      const texts: readonly (readonly [text: string, characters: number])[] = [
        [`${space}x`, length],
        [`{"a"${space}x`, 4 + length],
        [`[${space}1${space}x`, 2 + 2 * length],
        [`{}${space}x`, 2 + length],
        [`["${text}\n`, 2 + length],
        [`["${text}\\x"]`, 2 + length],
        [`[1, "${text}`, 4],
        [`{"${text}": "${text}" x`, 8 + 2 * length],
      ];
      for (const [wrong, characters] of texts) {
        const offset = Buffer.byteLength(wrong.slice(0, characters));
        const places = placesOf(wrong);
        for (const bytes of places) {
          assert.equal(scanJson(bytes).error?.offset, offset, `${length}: ${wrong.slice(0, 10)}`);
          const verdict = await checkInSlices(bytes, 'core', () => Promise.resolve());
          assert.deepEqual(verdict.errors, checkTextFully(bytes).errors);
          assert.deepEqual(verdict.errors?.[0]?.context, { offset, line: 1, column: characters + 1 });
        }
        release(places);
      }
    }
  });

  test('of line ends gives the line of an error', () => {
    for (const length of LENGTHS) {
      inEachPlace(`${'\n'.repeat(length)}  x`, (bytes) => {
        const [error] = checkTextFully(bytes).errors ?? [];
        assert.deepEqual(error?.context, { offset: length + 2, line: length + 1, column: 3 });
      });
    }
  });
});
