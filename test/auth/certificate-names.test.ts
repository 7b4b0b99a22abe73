import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { certificateNames, nameText } from '../../src/auth/certificate-names.ts';

/** An element in DER. */
function der(tag: number, ...content: readonly (Buffer | string)[]): Buffer {
  const bytes = Buffer.concat(content.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
  const { length } = bytes;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), bytes]);
}

const SEQUENCE = 0x30;
const SET = 0x31;
const UTF8 = 0x0c;

const TYPES: Readonly<Record<string, string>> = {
  CN: '550403',
  L: '550407',
  O: '55040a',
  OU: '55040b',
  STREET: '550409',
  DC: '0992268993f22c640119',
  emailAddress: '2a864886f70d010901',
  /** 1.2.3.4.99999 and 2.999.1. */
  private: '2a0304868d1f',
  joint: '88370' + '1',
};

type Part = readonly [type: string, value: Buffer | string];

/** A certificate with this subject: the parts of one list are one relative name. */
function certificate(subject: readonly (readonly Part[])[], alternatives: readonly Buffer[] = []): Buffer {
  const name = der(
    SEQUENCE,
    ...subject.map((parts) =>
      der(
        SET,
        ...parts.map(([type, value]) =>
          der(
            SEQUENCE,
            der(0x06, Buffer.from(TYPES[type] ?? '', 'hex')),
            typeof value === 'string' ? der(UTF8, value) : value,
          ),
        ),
      ),
    ),
  );
  const issuer = der(
    SEQUENCE,
    der(SET, der(SEQUENCE, der(0x06, Buffer.from('550403', 'hex')), der(UTF8, 'CA'))),
  );
  const names = der(
    SEQUENCE,
    der(0x06, Buffer.from('551d11', 'hex')),
    der(0x04, der(SEQUENCE, ...alternatives)),
  );
  const version = der(0xa0, der(0x02, Buffer.from([2])));
  const serial = der(0x02, Buffer.from([1]));
  const empty = der(SEQUENCE);
  const fields = [version, serial, empty, issuer, empty, name, empty, der(0xa3, der(SEQUENCE, names))];
  return der(SEQUENCE, der(SEQUENCE, ...fields), empty, der(0x03, Buffer.from([0])));
}

const textOf = (...subject: readonly (readonly Part[])[]) =>
  nameText(certificateNames(certificate(subject)).subject);
const utf16 = (text: string) => der(0x1e, Buffer.from(text, 'utf16le').swap16());

suite('the subject of a certificate as in RFC 4514', () => {
  const cases: Readonly<Record<string, readonly [subject: readonly (readonly Part[])[], text: string]>> = {
    'is in reverse': [[[['DC', 'org']], [['DC', 'ex']], [['CN', 'a']]], 'CN=a,DC=ex,DC=org'],
    'keeps the order of repeated types': [[[['OU', 'a']], [['O', 'x']], [['OU', 'b']]], 'OU=b,O=x,OU=a'],
    'joins the parts of one relative name': [
      [
        [
          ['CN', 'J. Smith'],
          ['OU', 'Sales'],
        ],
        [['L', 'x']],
      ],
      'L=x,OU=Sales+CN=J. Smith',
    ],
    'escapes special characters': [[[['CN', ',+"\\<>;=#/']]], 'CN=\\,\\+\\"\\\\\\<\\>\\;=#/'],
    'escapes a leading number sign': [[[['CN', '#a']]], 'CN=\\#a'],
    'escapes leading and trailing spaces': [[[['CN', '  a  ']]], 'CN=\\  a \\ '],
    'escapes one space alone': [[[['CN', ' ']]], 'CN=\\ '],
    'escapes NUL': [[[['CN', 'a\0b']]], 'CN=a\\00b'],
    'has other scripts as they are': [[[['CN', 'Zoë 数据']]], 'CN=Zoë 数据'],
    'reads two bytes for each character': [[[['CN', utf16('Zoë')]]], 'CN=Zoë'],
    'reads printable strings': [[[['CN', der(0x13, 'a')]]], 'CN=a'],
    'has an unknown type by number, in hexadecimal': [[[['private', 'ä']]], '1.2.3.4.99999=#0c02c3a4'],
    'has a type of the joint arc by number': [[[['joint', 'a']]], '2.999.1=#0c0161'],
    'has a value that is no text in hexadecimal': [[[['CN', der(0x04, 'a')]]], 'CN=#040161'],
    'has a value that is no UTF-8 in hexadecimal': [[[['CN', der(UTF8, Buffer.from([0xff]))]]], 'CN=#0c01ff'],
    'names e-mail addresses and streets': [
      [[['STREET', 's']], [['emailAddress', der(0x16, 'a@b')]]],
      'emailAddress=a@b,STREET=s',
    ],
    'may be empty': [[], ''],
    'may be long': [[[['CN', 'x'.repeat(300)]]], `CN=${'x'.repeat(300)}`],
  };
  for (const [what, [subject, text]] of Object.entries(cases)) {
    test(what, () => assert.equal(textOf(...subject), text));
  }

  test('differs for names that a text without escapes would confuse', () => {
    const names = [
      textOf([['O', 'x']], [['CN', 'a']]),
      textOf([['CN', 'a,O=x']]),
      textOf([
        ['CN', 'a'],
        ['O', 'x'],
      ]),
      textOf([['CN', 'a']], [['O', 'x']]),
      textOf([['CN', 'a+O=x']]),
      textOf([['CN', 'a\\,O=x']]),
      textOf([['CN', der(0x04, 'a')]]),
      textOf([['CN', '#040161']]),
    ];
    assert.equal(new Set(names).size, names.length);
  });
});

suite('alternative names', () => {
  test('are in the order of the certificate, each as a whole', () => {
    const names = [
      der(0x87, Buffer.from([10, 0, 0, 1])),
      der(0x86, 'https://a/, DNS:evil, x'),
      der(0x82, 'b'),
      der(0x81, 'c@d'),
    ];
    assert.deepEqual(certificateNames(certificate([], names)).alternativeNames, [
      { kind: 'uri', text: 'https://a/, DNS:evil, x' },
      { kind: 'dns', text: 'b' },
      { kind: 'email', text: 'c@d' },
    ]);
  });
});

suite('bytes that are no certificate', () => {
  const good = certificate([[['CN', 'a']]]);
  test('are refused, cut at any place', () => {
    for (let length = 0; length < good.length; length++) {
      assert.throws(() => certificateNames(good.subarray(0, length)), `${length}`);
    }
  });
  test('are refused with a length of BER', () => {
    assert.throws(() => certificateNames(Buffer.from('308000', 'hex')), /not DER/);
    assert.throws(() => certificateNames(Buffer.from('3085ffffffffff', 'hex')), /not DER/);
  });
});
