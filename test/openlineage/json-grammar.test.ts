import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { scanJson } from '../../src/openlineage/json.ts';

/** Valid texts by RFC 8259. A test fails when `JSON.parse` or `scanJson` disagrees. */
const valid = [
  ...['{}', '[]', ' {} ', '\t\r\n []\n\r\t ', '[[]]', '[{}]', '{"a":{}}', '{"a":[]}'],
  ...['null', 'true', 'false', '""', '"a"', '0', '-0', '1', '-1', '10', '1234567890'],
  ...['0.0', '-0.5', '1.25', '1e5', '1E5', '1e+5', '1e-5', '0e0', '0.0e-0', '1.5E+300', '1e400', '-1e-400'],
  ...['[1]', '[1,2]', '[ 1 , 2 ]', '[1,[2,[3]],{"a":[4]}]', '[null,true,false,"",0]'],
  ...['{"":0}', '{"a":1,"b":2}', '{ "a" : 1 , "b" : 2 }', '{"a":1,"a":2}', '{"a":{"b":{"c":{}}}}'],
  ...['"\\""', '"\\\\"', '"\\/"', '"\\b\\f\\n\\r\\t"', '"/"', '"\'"', '"\\u0000"', '"\\uFFFF"', '"\\uabCD"'],
  ...['"\\ud83e\\udd86"', '"\\ud800"', '"\\udc00\\ud800"', '"\\u0022"', '"\\\\u00zz"', '{"\\u0061":1}'],
  ...['"ä"', '"🦆"', '"\u007f"', '"\u2028\u2029"', '"\ufeff"', '"\u00a0"', '"Ж"', '"\u{10ffff}"'],
  ...['"[{,:}]"', '["]"]', '{"}":"{"}', '"//"', '"/* */"', '"\\\\"', '["\\\\","\\""]'],
];

const invalid = [
  ...['', ' ', '\n', '{', '}', '[', ']', '{]', '[}', '[[]', '{}}', '[]]', '{{}}', '{[]}', '[{]}'],
  ...[',', ':', '[,]', '[1,]', '[,1]', '[1,,2]', '{,}', '{"a":1,}', '{,"a":1}', '{"a":1,,"b":2}', '[1:2]'],
  ...[
    '{"a"}',
    '{"a":}',
    '{"a" 1}',
    '{"a":1 "b":2}',
    '{"a":1:2}',
    '{:1}',
    '{1:1}',
    '{a:1}',
    "{'a':1}",
    '{null:1}',
  ],
  ...['[1 2]', '["a" "b"]', '[[] []]', '{} {}', '[] []', '1 2', 'null null', '{}x', '[]1', '"a""b"', '{},'],
  ...['nul', 'nulll', 'Null', 'NULL', 'tru', 'True', 'fals', 'falsey', 'None', 'undefined', 'NaN', '-NaN'],
  ...['Infinity', '-Infinity', 'n', 't', 'f', 'nule', 'trve', 'falze', '[nul]', '[truefalse]', 'n\u0000ull'],
  ...['00', '01', '-01', '-', '+1', '--1', '1.', '.5', '-.5', '1.e5', '1e', '1e+', '1E-', '1e1.5', '1.2.3'],
  ...[
    '0x10',
    '1_000',
    '1,000',
    '0b1',
    '1n',
    '1a',
    '1e5e5',
    '１',
    '- 1',
    '1 e5',
    '0 .5',
    '[0.]',
    '[-]',
    '{"a":-}',
  ],
  ...['"', '"a', 'a"', '"\\"', '"\\', '"\\u', '"\\u12', '"\\u123"', '"\\u123g"', '"\\x41"', '"\\a"', '"\\0"'],
  ...[
    '"\\U0041"',
    '"\\\'"',
    '"\\ "',
    '"\\\n"',
    '"a\nb"',
    '"a\tb"',
    '"a\rb"',
    '"\u0000"',
    '"\u001f"',
    "'a'",
    '`a`',
  ],
  ...[
    '"\\u00 1"',
    '"\\u-001"',
    '"\\u+001"',
    '"\\uÄ000"',
    '{"a',
    '{"a":"b',
    '{"a\n":1}',
    '{"\\q":1}',
    '["\\u"]',
  ],
  ...['// c\n{}', '/* c */{}', '{}// c', '{/* c */}', '#{}', '[1 /* c */]', '<!-- -->', '{"a":1;}', '(1)'],
  ...[
    '\ufeff{}',
    '\u00a0{}',
    '{}\u00a0',
    '\u2028[]',
    '\v{}',
    '\f{}',
    '{\u3000}',
    '[1\u00a0]',
    '\u0085{}',
    '{}\u0000',
  ],
  ...['\u0000', '\u0000{}', '[\u0000]', '{}\u001a', '\\u007b}', '*', '@', '[é]', 'é', '🦆'],
];

suite('the grammar of JSON', () => {
  for (const text of valid) {
    test(`accepts ${JSON.stringify(text)}`, () => {
      assert.doesNotThrow(() => void JSON.parse(text), 'JSON.parse accepts it');
      assert.equal(scanJson(Buffer.from(text)).error, undefined);
    });
  }

  for (const text of invalid) {
    test(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => void JSON.parse(text), 'JSON.parse refuses it');
      assert.equal(scanJson(Buffer.from(text)).error?.code, 'json_invalid');
    });
  }

  test('agrees with JSON.parse on every byte at every kind of place', () => {
    const places = [
      '?',
      '[?]',
      '{?}',
      '"?"',
      '"\\?"',
      '"\\u00?0"',
      '{"a"?1}',
      '[1?2]',
      '[1?]',
      '-?',
      '1?',
      '1e?',
    ];
    for (const place of places) {
      for (let code = 0; code < 0x100; code++) {
        const text = place.replace('?', () => String.fromCharCode(code));
        assert.equal(scanJson(Buffer.from(text)).error === undefined, parses(text), JSON.stringify(text));
      }
    }
  });

  test('agrees with JSON.parse on every prefix of a text', () => {
    const text = ' [{"a\\n\\u00e4":-1.5e+3,"b":[true,false,null,"ä🦆"]},{},[],0] ';
    for (let end = 0; end <= text.length; end++) {
      const prefix = text.slice(0, end);
      assert.equal(scanJson(Buffer.from(prefix)).error === undefined, parses(prefix), prefix);
    }
  });

  test('agrees with JSON.parse on every text of five characters that matter', () => {
    const characters = '{}[],:"1-.e ';
    for (let number = 0; number < characters.length ** 5; number++) {
      // Each digit of the number, in base 12, selects a character.
      let text = '';
      for (let rest = number, i = 0; i < 5; i++, rest = Math.floor(rest / characters.length)) {
        text += characters.charAt(rest % characters.length);
      }
      if ((scanJson(Buffer.from(text)).error === undefined) !== parses(text))
        assert.fail(JSON.stringify(text));
    }
  });
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
