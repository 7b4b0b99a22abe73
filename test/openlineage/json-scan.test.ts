import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { MAX_DEPTH, MAX_NUMBER_LENGTH, scanJson } from '../../src/openlineage/json-scan.ts';
import { batchExample, examples } from './samples.ts';

const scan = (text: string) => scanJson(Buffer.from(text));

/** The bytes of each element, as text. */
function elementsOf(bytes: Buffer): string[] | undefined {
  const spans = scanJson(bytes).elements;
  return spans?.flatMap((start, i) => (i % 2 === 0 ? [bytes.toString('utf8', start, spans[i + 1])] : []));
}

suite('JSON fault', () => {
  // A caret stands before the byte that is wrong.
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
    test(`of ${JSON.stringify(marked)} is where the caret stands`, () => {
      const text = marked.replace('^', '');
      const offset = Buffer.byteLength(marked.slice(0, marked.indexOf('^')));
      const { fault } = scan(text);
      assert.ok(fault);
      assert.equal(fault.code, 'json_invalid');
      assert.equal(fault.reason, reason);
      assert.equal(
        fault.offset + (reason.includes('a value is') ? wordBefore(text, fault.offset) : 0),
        offset,
      );
    });
  }

  test('is the first of several', () => {
    assert.equal(scan('[1,,2,,3').fault?.offset, 3);
  });
});

/** A word such as `null` is wrong at its first letter that differs; the caret stands before the word. */
function wordBefore(text: string, offset: number): number {
  const word = /[a-z]+$/.exec(Buffer.from(text).toString('utf8', 0, offset));
  return word ? -word[0].length : 0;
}

suite('JSON limits', () => {
  const nested = (depth: number, open: string, close: string, core: string) =>
    open.repeat(depth) + core + close.repeat(depth);

  for (const [what, open, close, core] of [
    ['arrays', '[', ']', '1'],
    ['objects', '{"a":', '}', '1'],
    ['arrays around an empty one', '[', ']', ''],
    ['arrays with spaces', ' [\n', ' ]', '{"a":0}'],
  ] as const) {
    test(`let ${MAX_DEPTH} levels of ${what} pass, and no more`, () => {
      const inner = core.startsWith('{') ? 1 : 0;
      assert.equal(scan(nested(MAX_DEPTH - inner, open, close, core)).fault, undefined);
      const { fault } = scan(nested(MAX_DEPTH + 1 - inner, open, close, core));
      assert.equal(fault?.code, 'json_too_deep');
      assert.equal(fault.reason, `nested deeper than ${MAX_DEPTH} levels`);
    });
  }

  test('name the place of the level too many', () => {
    assert.equal(scan('['.repeat(300)).fault?.offset, MAX_DEPTH);
  });

  test('count levels, not containers', () => {
    assert.equal(scan(`[${'[],{},'.repeat(10_000)}0]`).fault, undefined);
  });

  test('hold for a text that is nothing but opening brackets', () => {
    const { fault } = scanJson(Buffer.alloc(5 * 1024 * 1024, '['));
    assert.equal(fault?.code, 'json_too_deep');
  });

  test(`let a number of ${MAX_NUMBER_LENGTH} characters pass, and no longer`, () => {
    for (const [start, digit] of [
      ['', '9'],
      ['-', '9'],
      ['0.', '1'],
      ['1e', '1'],
      ['-1.5E-', '0'],
    ] as const) {
      const number = start.padEnd(MAX_NUMBER_LENGTH, digit);
      assert.equal(scan(`[${number}]`).fault, undefined, start);
      const { fault } = scan(`[${number}${digit}]`);
      assert.deepEqual([fault?.code, fault?.offset], ['json_number_too_long', 1], start);
    }
  });

  test('do not count the digits of a text as a number', () => {
    assert.equal(scan(`["${'9'.repeat(5000)}"]`).fault, undefined);
  });
});

suite('JSON elements', () => {
  test('are found only in an array', () => {
    for (const text of ['{}', '{"a":[1]}', '1', '"[1]"', 'null'])
      assert.equal(scan(text).elements, undefined);
  });

  test('of an empty array are none', () => {
    assert.deepEqual(scan(' [ \r\n ] ').elements, []);
  });

  test('are found with their own white space and without that around them', () => {
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

  test('of every example in one array are the bytes of that example', () => {
    const separators = [',', ' ,\r\n', '\t,', ',\n '];
    const array = `[${examples.map(({ bytes }, i) => `${bytes.toString()}${separators[i % separators.length]}`).join('')}{}]`;
    assert.deepEqual(elementsOf(Buffer.from(array)), [
      ...examples.map(({ bytes }) => bytes.toString()),
      '{}',
    ]);
  });

  test('of the example of a batch are three events that are examples themselves', () => {
    const elements = elementsOf(batchExample) ?? [];
    assert.equal(elements.length, 3);
    const whole = new Set(examples.map(({ bytes }) => bytes.toString()));
    for (const element of elements) assert.ok(whole.has(element));
  });

  test('are found in an array of a hundred thousand', () => {
    const spans = scan(`[${'0,'.repeat(99_999)}0]`).elements;
    assert.equal(spans?.length, 200_000);
  });
});
