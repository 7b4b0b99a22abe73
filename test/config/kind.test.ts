import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  boolean,
  bytes,
  duration,
  integer,
  list,
  oneOf,
  optional,
  text,
  written,
  type Kind,
} from '../../src/config/schema/kind.ts';
import {
  address,
  headerLine,
  hostAndPort,
  origin,
  topic,
  urlPath,
} from '../../src/config/schema/text-kinds.ts';

const refused = Symbol('refused');

/** The value that a kind reads, or `refused`. */
function taken(kind: Kind<unknown>, written: unknown): unknown {
  const value = kind.read(written);
  return kind.holds(value) ? value : refused;
}

interface Case {
  readonly name: string;
  readonly kind: Kind<unknown>;
  readonly takes: readonly (readonly [written: unknown, value: unknown])[];
  readonly refuses: readonly unknown[];
}

const same = (...values: readonly unknown[]) => values.map((value) => [value, value] as const);

const cases: readonly Case[] = [
  {
    name: 'an integer',
    kind: integer({ from: 0, to: 10 }),
    takes: [
      [5, 5],
      ['5', 5],
      [' 10 ', 10],
      ['+0', 0],
    ],
    refuses: [11, '-1', '', ' ', '1e1', '0x1', '5.0', 5.5, null, true, [], {}, Number.NaN],
  },
  {
    name: 'a size',
    kind: bytes({ from: 1, to: 2 ** 40 }),
    takes: [
      [7, 7],
      ['7', 7],
      ['64KB', 64_000],
      ['64KiB', 65_536],
      ['5MiB', 5_242_880],
      ['5 mib', 5_242_880],
      ['1G', 1e9],
      ['1Gi', 2 ** 30],
      ['9B', 9],
    ],
    refuses: ['0', '1.5MiB', '5iB', '5 XB', '', '-1', '2TB', '9999999999999999', null, {}],
  },
  {
    name: 'a duration',
    kind: duration({ from: 1, to: 7 * 86_400_000 }),
    takes: [
      ['1ms', 1],
      ['500ms', 500],
      ['1s', 1000],
      ['1.5s', 1500],
      [' 15 m ', 900_000],
      ['12H', 12 * 3_600_000],
      ['7d', 7 * 86_400_000],
      ['0.5d', 12 * 3_600_000],
    ],
    refuses: [
      1000,
      '1000',
      '',
      's',
      '0s',
      '0.4ms',
      '8d',
      '-1s',
      '+1s',
      '1e3s',
      '.5s',
      '1.s',
      '1s500ms',
      '1 week',
      '1mo',
      'Infinitys',
      true,
      null,
      [],
      {},
    ],
  },
  {
    name: 'a boolean',
    kind: boolean(),
    takes: [
      ...[true, 'true', 'TRUE', 1, '1', 'yes', 'on'].map((word) => [word, true] as const),
      ...[false, 'False', 0, '0', 'no', 'off'].map((word) => [word, false] as const),
    ],
    refuses: ['', 'maybe', 2, null, []],
  },
  {
    name: 'one of some words',
    kind: oneOf(['none', 'required'], { 2: 'required' }),
    takes: [
      ['none', 'none'],
      ['NONE', 'none'],
      [2, 'required'],
      ['2', 'required'],
    ],
    refuses: ['', 'constructor', '__proto__', null, ['none']],
  },
  { name: 'text', kind: text(), takes: same('a', ' a '), refuses: ['', 5, null, true, ['a']] },
  {
    name: 'an optional value',
    kind: optional(integer({ from: 1, to: 2 })),
    takes: [
      ['', undefined],
      [null, undefined],
      ['1', 1],
    ],
    refuses: [0, 'x'],
  },
  {
    name: 'a list of brokers',
    kind: list(hostAndPort),
    takes: [
      ['a:1, b:2', ['a:1', 'b:2']],
      ['["a:1", "b:2"]', ['a:1', 'b:2']],
      [['a:1'], ['a:1']],
      ['[::1]:9092,a:1', ['[::1]:9092', 'a:1']],
      ['', []],
    ],
    refuses: [
      'a',
      'a:0',
      'a:65536',
      'a:1,',
      ':1',
      'a b:1',
      'http://a:1',
      '::1:9092',
      '[a]:1',
      '["a:1"',
      ['a:1', 2],
      {},
      null,
    ],
  },
  {
    name: 'a list whose items have commas',
    kind: list(headerLine, { commas: false }),
    takes: [
      ['A: b, c', ['A: b, c']],
      ['["A: b", "C:d"]', ['A: b', 'C:d']],
    ],
    refuses: ['A', 'A b: c', 'A: b\r\nC: d', ': a'],
  },
  {
    name: 'an address',
    kind: address,
    takes: same('127.0.0.1', '::1', '10.0.0.0/8', 'fd00::/64', '*'),
    refuses: ['a', '10.0.0.0/33', '10.0.0.0/', '1.2.3'],
  },
  {
    name: 'a topic',
    kind: topic,
    takes: same('input.runs__malformed', 'a'.repeat(249)),
    refuses: ['.', '..', 'a/b', 'a'.repeat(250)],
  },
  { name: 'a path of URLs', kind: urlPath, takes: same('/a', '/a/b'), refuses: ['/', 'a', '/a/', '/a?b'] },
  {
    name: 'an origin',
    kind: origin,
    takes: same('*', 'https://a.example:8443'),
    refuses: ['a.example', 'https://a/b'],
  },
];

for (const { name, kind, takes, refuses } of cases) {
  suite(name, () => {
    for (const [written, value] of takes)
      test(`takes ${JSON.stringify(written)}`, () => assert.deepEqual(taken(kind, written), value));
    for (const written of refuses)
      test(`refuses ${JSON.stringify(written)}`, () => assert.equal(taken(kind, written), refused));
  });
}

suite('the written form of a duration', () => {
  const kind = duration({ from: 1, to: 400 * 86_400_000 });
  const durations: readonly (readonly [milliseconds: number, text: string])[] = [
    [1, '1ms'],
    [1500, '1500ms'],
    [1000, '1s'],
    [90_000, '90s'],
    [60_000, '1m'],
    [5_400_000, '90m'],
    [3_600_000, '1h'],
    [86_400_000, '1d'],
    [366 * 86_400_000, '366d'],
  ];
  for (const [milliseconds, text] of durations) {
    test(`${milliseconds} ms is ${text}`, () => {
      assert.equal(written(kind, milliseconds), text);
      assert.equal(taken(kind, text), milliseconds);
    });
  }

  test('other kinds have no special form', () => {
    assert.equal(written(bytes({ from: 1, to: 10 }), 7), 7);
    assert.equal(written(optional(kind), undefined), undefined);
  });
});
