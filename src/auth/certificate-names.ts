/**
 * The names in a certificate, read from its own bytes (X.690 DER, RFC 5280). Node's texts and objects lose the order of a
 * subject and the borders between its values, so two different certificates may look the same there.
 */

/** An attribute of a subject or an issuer. */
export interface Attribute {
  /** The object identifier of its type, with dots. */
  readonly type: string;
  /** Undefined where the value is no text. */
  readonly text: string | undefined;
  /** The value as encoded. */
  readonly bytes: Buffer;
}

/** A name: its relative names in the order of the certificate. Each has one attribute, seldom several. */
export type DistinguishedName = readonly (readonly Attribute[])[];

/** The kinds of alternative names that can name a sender. */
export interface AlternativeName {
  readonly kind: 'uri' | 'email' | 'dns';
  readonly text: string;
}

export interface CertificateNames {
  readonly subject: DistinguishedName;
  readonly issuer: DistinguishedName;
  /** In the order of the certificate. */
  readonly alternativeNames: readonly AlternativeName[];
}

export const COMMON_NAME = '2.5.4.3';
const ALTERNATIVE_NAMES = '2.5.29.17';

/** RFC 4514 §3, and the further types that OpenSSL names in the same way (`openssl x509 -nameopt RFC2253`). */
const SHORT_NAMES: Readonly<Record<string, string>> = {
  [COMMON_NAME]: 'CN',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.6': 'C',
  '2.5.4.9': 'STREET',
  '0.9.2342.19200300.100.1.25': 'DC',
  '0.9.2342.19200300.100.1.1': 'UID',
  '1.2.840.113549.1.9.1': 'emailAddress',
  '2.5.4.4': 'SN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.12': 'title',
  '2.5.4.17': 'postalCode',
  '2.5.4.42': 'GN',
};

/**
 * Reads the names of a certificate (DER).
 * @throws when the bytes are not a certificate in DER.
 */
export function certificateNames(der: Buffer): CertificateNames {
  const [certificate] = elementsOf(der);
  const [toBeSigned] = elementsOf(certificate?.content);
  const fields = elementsOf(toBeSigned?.content);
  // RFC 5280 §4.1: [0] version (absent in version 1), serial, algorithm, issuer, validity, subject, key, …, [3] extensions.
  const afterVersion = fields[0]?.tag === CONTEXT_0 ? 1 : 0;
  const issuer = fields[afterVersion + 2];
  const subject = fields[afterVersion + 4];
  if (!issuer || !subject) throw new Error('not a certificate');
  const extensions = fields.find(({ tag }) => tag === CONTEXT_3);
  return {
    subject: nameIn(subject),
    issuer: nameIn(issuer),
    alternativeNames: extensions ? alternativeNamesIn(extensions) : [],
  };
}

/**
 * The text of a name as in RFC 4514: the most specific part first. Different names have different texts. OpenSSL, too, writes
 * the attributes of one part in reverse (`-nameopt RFC2253,utf8,-esc_msb`).
 */
export function nameText(name: DistinguishedName): string {
  return name
    .toReversed()
    .map((attributes) => attributes.toReversed().map(attributeText).join('+'))
    .join(',');
}

function attributeText({ type, text, bytes }: Attribute): string {
  const short = SHORT_NAMES[type];
  // RFC 4514 §2.4: the value of a type without a short name, or without a text, is its encoding in hexadecimal.
  return short === undefined || text === undefined
    ? `${short ?? type}=#${bytes.toString('hex')}`
    : `${short}=${escaped(text)}`;
}

/** RFC 4514 §2.4. */
function escaped(text: string): string {
  return text.replace(/[,+"\\<>;]|^[ #]| $/g, String.raw`\$&`).replaceAll('\0', String.raw`\00`);
}

function nameIn(name: Element): DistinguishedName {
  return elementsOf(name.content).map((relative) =>
    elementsOf(relative.content).map((attribute): Attribute => {
      const [type, value] = elementsOf(attribute.content);
      if (!type || !value) throw new Error('not a name');
      return { type: identifierIn(type.content), text: textIn(value), bytes: value.bytes };
    }),
  );
}

function alternativeNamesIn(extensions: Element): AlternativeName[] {
  const [list] = elementsOf(extensions.content);
  const extension = elementsOf(list?.content)
    .map(({ content }) => elementsOf(content))
    .find(([id]) => id !== undefined && identifierIn(id.content) === ALTERNATIVE_NAMES);
  // After its identifier, an extension may say that it is critical.
  const [names] = elementsOf(extension?.at(-1)?.content);
  return elementsOf(names?.content).flatMap(({ tag, content }): AlternativeName[] => {
    const kind = KINDS[tag];
    // Latin-1: what is not ASCII (IA5String) stays visible as such to the rule for names.
    return kind === undefined ? [] : [{ kind, text: content.toString('latin1') }];
  });
}

/** RFC 5280 §4.2.1.6: rfc822Name [1], dNSName [2], uniformResourceIdentifier [6]. */
const KINDS: Readonly<Record<number, AlternativeName['kind']>> = { 0x81: 'email', 0x82: 'dns', 0x86: 'uri' };

const CONTEXT_0 = 0xa0;
const CONTEXT_3 = 0xa3;

/** The text of a string type of ASN.1; undefined for another type, or for bytes that are no text of their type. */
function textIn({ tag, content }: Element): string | undefined {
  switch (tag) {
    case 0x0c:
      return decoded('utf-8', content);
    // NumericString, PrintableString, IA5String, VisibleString: ASCII. TeletexString: in practice Latin-1, as OpenSSL reads it.
    case 0x12:
    case 0x13:
    case 0x16:
    case 0x1a:
    case 0x14:
      return content.toString('latin1');
    // BMPString: two bytes for each character.
    case 0x1e:
      return decoded('utf-16be', content);
    default:
      return undefined;
  }
}

function decoded(encoding: string, bytes: Buffer): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** The text of an object identifier (X.690 §8.19). */
function identifierIn(content: Buffer): string {
  const numbers: bigint[] = [];
  let number = 0n;
  for (const byte of content) {
    number = (number << 7n) | BigInt(byte & 0x7f);
    if (byte < 0x80) {
      numbers.push(number);
      number = 0n;
    }
  }
  const [joined = 0n, ...others] = numbers;
  // The first two numbers are in one: 40 times the first, which is at most 2, and the second.
  const first = joined < 80n ? joined / 40n : 2n;
  return [first, joined - 40n * first, ...others].join('.');
}

/** An element in DER: its tag, its content, and all of its bytes. */
interface Element {
  readonly tag: number;
  readonly content: Buffer;
  readonly bytes: Buffer;
}

/**
 * The elements of a content, one after another; none where there is no content.
 * @throws when a length is not in DER, or leads past the end.
 */
function elementsOf(content: Buffer | undefined): Element[] {
  const elements: Element[] = [];
  let at = 0;
  while (content && at < content.length) {
    const begin = at;
    const tag = content.readUInt8(at);
    let length = content.readUInt8(at + 1);
    at += 2;
    if (length >= 0x80) {
      const size = length & 0x7f;
      // 0x80 is the indefinite length of BER.
      if (size === 0 || size > 4) throw new Error('not DER');
      length = content.readUIntBE(at, size);
      at += size;
    }
    if (at + length > content.length) throw new Error('not DER');
    elements.push({
      tag,
      content: content.subarray(at, at + length),
      bytes: content.subarray(begin, at + length),
    });
    at += length;
  }
  return elements;
}
