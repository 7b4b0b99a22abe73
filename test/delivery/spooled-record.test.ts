import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { decodeRecord, encodeRecord } from '../../src/delivery/spooled-record.ts';
import { recordHeader, type KafkaRecord } from '../../src/kafka/record.ts';

const ARRIVED_AT = 1_763_806_530_999;

function recordWith(parts: Partial<KafkaRecord> = {}): KafkaRecord {
  return {
    topic: 'input.runs',
    key: Buffer.from('run:a/ü'),
    value: Buffer.from('{"é": 1}'),
    headers: [recordHeader('content-type', 'application/json'), recordHeader('correlation_id', 'ü')],
    timestamp: 1_763_806_530_123,
    arrivedAt: ARRIVED_AT,
    ...parts,
  };
}

const encoded = (record: KafkaRecord) => Buffer.concat(encodeRecord(record));

/** Returns the record as it comes back from disk. */
const afterSpool = (record: KafkaRecord) => decodeRecord(record.topic, encoded(record), record.arrivedAt);

suite('a record in the spool', () => {
  const records: Readonly<Record<string, KafkaRecord>> = {
    'with all its parts': recordWith(),
    'without a key': recordWith({ key: null }),
    'with an empty key': recordWith({ key: Buffer.alloc(0) }),
    'without headers': recordWith({ headers: [] }),
    'with empty headers': recordWith({ headers: [recordHeader('', ''), recordHeader('a', '')] }),
    'with a thousand headers': recordWith({
      headers: Array.from({ length: 1000 }, (_, i) => recordHeader(`header ${i}`, 'x'.repeat(i))),
    }),
    'with a long header': recordWith({ headers: [recordHeader('n'.repeat(65_535), 'v'.repeat(70_000))] }),
    'with an empty value': recordWith({ value: Buffer.alloc(0) }),
    'with every byte in its value': recordWith({
      value: Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
    }),
    'of 5 MiB': recordWith({ value: Buffer.alloc(5 << 20, 'event') }),
    'of 1970': recordWith({ timestamp: 0 }),
    'of before 1970': recordWith({ timestamp: -62_135_596_800_000 }),
    'of the year 9999': recordWith({ timestamp: 253_402_300_799_999 }),
  };
  for (const [what, record] of Object.entries(records)) {
    test(`${what} comes back unchanged`, () => assert.deepEqual(afterSpool(record), record));
  }

  test('has the bytes of version 1 exactly, so that later versions can read the spools of today', () => {
    const record = recordWith({
      key: Buffer.from('k\u00fc'),
      value: Buffer.from('{}\n'),
      headers: [recordHeader('a', 'xyz'), recordHeader('bc', '')],
      timestamp: 1_763_806_530_123,
    });
    const layout = [
      ['01', 'version'],
      ['00b0a4fcb0aa7942', 'time, f64'],
      ['03000000', 'length of the key'],
      ['0200', 'number of headers'],
      ['6bc3bc', 'key'],
      ['0100 03000000 61 78797a', 'first header'],
      ['0200 00000000 6263', 'second header'],
      ['7b7d0a', 'value'],
    ];
    const bytes = Buffer.from(layout.map(([hex = '']) => hex.replaceAll(' ', '')).join(''), 'hex');
    assert.equal(encoded(record).toString('hex'), bytes.toString('hex'));
    assert.deepEqual(decodeRecord(record.topic, bytes, ARRIVED_AT), record);
    const withoutKey = Buffer.from('01000000000000f0bfffffffff00007b7d', 'hex');
    const bare = recordWith({ key: null, headers: [], timestamp: -1, value: Buffer.from('{}') });
    assert.deepEqual(decodeRecord(bare.topic, withoutKey, ARRIVED_AT), bare);
    assert.ok(encoded(bare).equals(withoutKey));
  });

  test('has the event itself as its last part, not a copy', () => {
    const record = recordWith();
    assert.equal(encodeRecord(record).at(-1), record.value);
  });

  test('of a later version is refused, and the error names the version', () => {
    for (const version of [0, 2, 255]) {
      const payload = encoded(recordWith());
      payload.writeUInt8(version, 0);
      assert.throws(
        () => decodeRecord('input.runs', payload, ARRIVED_AT),
        new RegExp(`version ${version}\\b`),
      );
    }
  });

  test('that ends within its fixed part is refused', () => {
    const payload = encoded(recordWith({ value: Buffer.alloc(0) }));
    for (let length = 0; length < 15; length++) {
      assert.throws(() => decodeRecord('input.runs', payload.subarray(0, length), ARRIVED_AT));
    }
  });
});
