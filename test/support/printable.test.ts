import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { isPrintable, printable, printableJson } from '../../src/support/printable.ts';

const ZWJ = '\u200d';

suite('text that others chose', () => {
  const unfit: Readonly<Record<string, string>> = {
    'a line end': '\n',
    'a terminal escape': '\u001b',
    DEL: '\u007f',
    'a C1 control': '\u009b',
    'next line': '\u0085',
    'a line separator': '\u2028',
    'a paragraph separator': '\u2029',
    'a right-to-left override': '\u202e',
    'an isolate': '\u2066',
    'an Arabic letter mark': '\u061c',
    'a zero-width space': '\u200b',
    'a zero-width joiner': ZWJ,
    'a zero-width non-joiner': '\u200c',
    'a word joiner': '\u2060',
    'a byte order mark': '\ufeff',
    'a soft hyphen': '\u00ad',
    'a Hangul filler': '\u3164',
    'a variation selector': '\ufe0f',
    'a tag': '\u{e0041}',
    'a noncharacter': '\ufffe',
    'a high surrogate': '\ud800',
    'a low surrogate': '\udc00',
  };
  for (const [what, character] of Object.entries(unfit)) {
    test(`is not printable with ${what}, at every place, and is replaced in a log line`, () => {
      for (const [before, after] of [
        ['', ''],
        ['a', ''],
        ['', 'a'],
        ['a', 'b'],
        ['é', 'Ж'],
      ]) {
        const text = `${before}${character}${after}`;
        assert.ok(!isPrintable(text), JSON.stringify(text));
        assert.equal(printable(text), `${before}\ufffd${after}`);
        assert.equal(JSON.parse(printableJson(JSON.stringify(text))), text);
      }
    });
  }

  const fit = [
    '',
    'trino',
    'José Nuñez',
    'Ольга',
    '数据',
    '👩‍🚀',
    '❤️',
    '🏴‍☠️',
    'می\u200cخواهم',
    'क्\u200dष',
    'a\u00a0b',
  ];
  for (const text of fit) {
    test(`is printable: ${JSON.stringify(text)}`, () => {
      assert.ok(isPrintable(text));
      assert.equal(printable(text), text);
      assert.equal(printableJson(JSON.stringify(text)), JSON.stringify(text));
    });
  }

  test('has no second joiner or selector beside the first one', () => {
    for (const text of [`👩${ZWJ}${ZWJ}🚀`, '❤\ufe0f\ufe0f', `👩${ZWJ}`, `${ZWJ}👩`])
      assert.ok(!isPrintable(text), text);
  });

  test('is escaped in JSON by units of UTF-16, and decodes to itself', () => {
    assert.equal(printableJson('{"a":"\u009b\u{e0041}"}'), '{"a":"\\u009b\\udb40\\udc41"}');
  });
});
