import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { MAX_DEPTH, MAX_NUMBER_LENGTH, scanJson } from '../../src/openlineage/json.ts';
import { batchExample, examples } from './samples.ts';

const scan = (text: string) => scanJson(Buffer.from(text));

/** The bytes of each element, as text. */
function elementsOf(bytes: Buffer): string[] | undefined {
  const spans = scanJson(bytes).elements;
  return spans?.flatMap((start, i) => (i % 2 === 0 ? [bytes.toString('utf8', start, spans[i + 1])] : []));
}

suite('an error in JSON', () => {
  // The caret stands before the first wrong byte.
  const places: readonly (readonly [marked: string, reason: string])[] = [
    ['^', 'the text ends where a value is expected'],
    ['{"a": ^}', 'a value is expected'],
    ['{"a" ^1}', '":" after the key is expected'],
    ['{^a:1}', 'a key in double quotes is expected'],
    ['{"a":1,^}', 'a key in double quotes is expected'],
    ['{"a":1 ^"b":2}', '"," or "}" is expected'],
    ['[1 ^2]', '"," or "]" is expected'],
    ['[1,^]', 'a value is expected'],
    ['[1^', 'the text ends where "," or "]" is expected'],
    ['[[1]^}', '"," or "]" is expected'],
    ['{} ^x', 'there is more after the end of the JSON text'],
    ['[0^1]', '"," or "]" is expected'],
    ['[-^]', 'a digit is expected'],
    ['[1.^]', 'a digit is expected'],
    ['[1e+^', 'the text ends where a digit is expected'],
    ['[^nul]', 'a value is expected'],
    ['["ä",^"never ends]', 'a string that does not end'],
    ['["🦆^\n"]', 'a control character in a string must be escaped'],
    ['["a^\\x"]', 'an escape that JSON does not know'],
    ['["a^\\u12g4"]', 'four hexadecimal digits must follow \\u'],
    ['["a^\\', 'a string that does not end'],
  ];
  for (const [marked, reason] of places) {
    test(`in ${JSON.stringify(marked)} is found at the caret`, () => {
      const text = marked.replace('^', '');
      const offset = Buffer.byteLength(marked.slice(0, marked.indexOf('^')));
      const { error } = scan(text);
      assert.ok(error);
      assert.equal(error.code, 'json_invalid');
      assert.equal(error.reason, reason);
      assert.equal(
        error.offset + (reason.includes('a value is') ? wordBefore(text, error.offset) : 0),
        offset,
      );
    });
  }

  test('is the first of several', () => {
    assert.equal(scan('[1,,2,,3').error?.offset, 3);
  });
});

/** A word such as `nul` is wrong at its first wrong letter; the caret stands before the word. */
function wordBefore(text: string, offset: number): number {
  const word = /[a-z]+$/.exec(Buffer.from(text).toString('utf8', 0, offset));
  return word ? -word[0].length : 0;
}

suite('the limits of JSON', () => {
  const nested = (depth: number, open: string, close: string, core: string) =>
    open.repeat(depth) + core + close.repeat(depth);

  for (const [what, open, close, core] of [
    ['arrays', '[', ']', '1'],
    ['objects', '{"a":', '}', '1'],
    ['arrays around an empty one', '[', ']', ''],
    ['arrays with spaces', ' [\n', ' ]', '{"a":0}'],
  ] as const) {
    test(`accept ${MAX_DEPTH} levels of ${what}, and no more`, () => {
      const inner = core.startsWith('{') ? 1 : 0;
      assert.equal(scan(nested(MAX_DEPTH - inner, open, close, core)).error, undefined);
      const { error } = scan(nested(MAX_DEPTH + 1 - inner, open, close, core));
      assert.equal(error?.code, 'json_too_deep');
      assert.equal(error.reason, `nested deeper than ${MAX_DEPTH} levels`);
    });
  }

  test('are reported with the offset of the first level above the limit', () => {
    assert.equal(scan('['.repeat(300)).error?.offset, MAX_DEPTH);
  });

  test('count levels, not containers', () => {
    assert.equal(scan(`[${'[],{},'.repeat(10_000)}0]`).error, undefined);
  });

  test('apply to a text of 5 MiB of opening brackets', () => {
    const { error } = scanJson(Buffer.alloc(5 * 1024 * 1024, '['));
    assert.equal(error?.code, 'json_too_deep');
  });

  test(`accept a number of ${MAX_NUMBER_LENGTH} characters, and no longer one`, () => {
    for (const [start, digit] of [
      ['', '9'],
      ['-', '9'],
      ['0.', '1'],
      ['1e', '1'],
      ['-1.5E-', '0'],
    ] as const) {
      const number = start.padEnd(MAX_NUMBER_LENGTH, digit);
      assert.equal(scan(`[${number}]`).error, undefined, start);
      const { error } = scan(`[${number}${digit}]`);
      assert.deepEqual([error?.code, error?.offset], ['json_number_too_long', 1], start);
    }
  });

  test('do not apply to digits in a string', () => {
    assert.equal(scan(`["${'9'.repeat(5000)}"]`).error, undefined);
  });
});

suite('the elements of an array', () => {
  test('are found only in an array', () => {
    for (const text of ['{}', '{"a":[1]}', '1', '"[1]"', 'null'])
      assert.equal(scan(text).elements, undefined);
  });

  test('are none in an empty array', () => {
    assert.deepEqual(scan(' [ \r\n ] ').elements, []);
  });

  test('include the white space inside them, and not that around them', () => {
    const elements = [
      ...['{ "a" :\t[ 1 ,\r\n2 ] }', '[ ]', '[[1], [2]]', '"a , ] \\" ä"', '-0.5e+3', 'true', 'null', '{}'],
      ...['"🦆"', '{"x":{"y":[{}]}}', '""', '0'],
    ];
    const spaces = ['', ' ', '\t', '\n', '\r', '\r\n', ' \t\r\n ', '\n\n\n'];
    for (const before of spaces) {
      for (const behind of spaces) {
        const text = `${behind}[${elements.map((element) => before + element + behind).join(',')}]${before}`;
        assert.deepEqual(elementsOf(Buffer.from(text)), elements);
      }
    }
  });

  test('are those of the outermost array only', () => {
    assert.deepEqual(elementsOf(Buffer.from('[[1,2],[3,[4,5]],{"a":[6,7]}]')), [
      '[1,2]',
      '[3,[4,5]]',
      '{"a":[6,7]}',
    ]);
  });

  test('are the exact bytes of each example in an array of all examples', () => {
    const separators = [',', ' ,\r\n', '\t,', ',\n '];
    const array = `[${examples.map(({ bytes }, i) => `${bytes.toString()}${separators[i % separators.length]}`).join('')}{}]`;
    assert.deepEqual(elementsOf(Buffer.from(array)), [
      ...examples.map(({ bytes }) => bytes.toString()),
      '{}',
    ]);
  });

  test('of the example of a batch are three of the example events', () => {
    const elements = elementsOf(batchExample) ?? [];
    assert.equal(elements.length, 3);
    const whole = new Set(examples.map(({ bytes }) => bytes.toString()));
    for (const element of elements) assert.ok(whole.has(element));
  });

  test('may be 100,000', () => {
    const spans = scan(`[${'0,'.repeat(99_999)}0]`).elements;
    assert.equal(spans?.length, 200_000);
  });
});
