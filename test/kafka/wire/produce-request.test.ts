import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Writer } from '@platformatic/kafka';
import type { PartitionBatch } from '../../../src/kafka/cluster/brokers.ts';
import { encodeProduce, roomFor } from '../../../src/kafka/wire/produce-request.ts';

const HEAD = { version: 11, correlationId: -7, clientId: Buffer.from('http2kafka'), timeoutMs: 30_000 };

function batch(topic: string, partition: number, bytes: number): PartitionBatch {
  const whole = Buffer.alloc(bytes, partition + 1);
  return { topic, partition, pieces: [whole], size: bytes, bytes: whole };
}

function encode(batches: readonly PartitionBatch[], head = HEAD): Buffer[] {
  // Exactly the bytes that it asks for, with arbitrary content.
  return encodeProduce(batches, head, Buffer.alloc(roomFor(batches, head.clientId), 0xee));
}

/** The same request, as the library's writer makes it. */
function byLibrary(batches: readonly PartitionBatch[], head = HEAD): Buffer {
  const isFlexible = head.version >= 9;
  const writer = Writer.create()
    .appendInt16(0)
    .appendInt16(head.version)
    .appendInt32(head.correlationId)
    .appendString(head.clientId.toString(), false);
  if (isFlexible) writer.appendTaggedFields();
  writer
    .appendString(null, isFlexible)
    .appendInt16(-1)
    .appendInt32(head.timeoutMs)
    .appendArray(
      [...Map.groupBy(batches, ({ topic }) => topic)],
      (outer, [topic, partitions]) => {
        outer.appendString(topic, isFlexible).appendArray(
          partitions,
          (inner, { partition, bytes }) => {
            inner.appendInt32(partition).appendBytes(bytes, isFlexible);
          },
          isFlexible,
          isFlexible,
        );
      },
      isFlexible,
      isFlexible,
    );
  if (isFlexible) writer.appendTaggedFields();
  return writer.prependLength().buffer;
}

/** A batch in pieces of these sizes. */
function pieced(topic: string, partition: number, sizes: readonly number[]): PartitionBatch {
  const pieces = sizes.map((size, index) => Buffer.alloc(size, index + 1));
  const bytes = Buffer.concat(pieces);
  return { topic, partition, pieces, size: bytes.length, bytes };
}

suite('a produce request', () => {
  const requests: Readonly<Record<string, readonly PartitionBatch[]>> = {
    'one batch': [batch('input.runs', 0, 100)],
    'batches of one topic': [
      batch('input.runs', 5, 100),
      batch('input.runs', 0, 127),
      batch('input.runs', 2, 126),
    ],
    'topics in turn': [batch('a', 0, 70), batch('b', 1, 80), batch('a', 1, 90), batch('c', 0, 200)],
    'a large batch between small ones': [batch('a', 0, 70), batch('a', 1, 1_000_000), batch('a', 2, 70)],
    'large batches only': [batch('a', 0, 20_000), batch('b', 1, 3_000_000)],
    'batches in pieces': [
      pieced('a', 0, [80, 1_000_000, 20]),
      pieced('a', 1, [80, 20_000, 300, 20_000, 9]),
      pieced('b', 2, [20_000, 100]),
    ],
    'more small batches than are copied': Array.from({ length: 300 }, (_, index) => batch('a', index, 9000)),
    'a topic with a long name of another alphabet': [batch('ж'.repeat(249), 0, 70)],
    'two hundred topics': Array.from({ length: 200 }, (_, index) => batch(`topic ${index}`, index, 61)),
  };
  for (const [name, batches] of Object.entries(requests)) {
    test(`is the same as the library's: ${name}`, () => {
      for (const version of [3, 8, 9, 11]) {
        const head = { ...HEAD, version };
        assert.ok(
          Buffer.concat(encode(batches, head)).equals(byLibrary(batches, head)),
          `version ${version}`,
        );
      }
    });
  }

  test('has the name of the client', () => {
    const head = { ...HEAD, clientId: Buffer.from('прокси') };
    const batches = [batch('a', 0, 70)];
    assert.ok(Buffer.concat(encode(batches, head)).equals(byLibrary(batches, head)));
  });

  test('does not copy a large batch, and is one piece without any', () => {
    const large = batch('a', 1, 100_000);
    assert.deepEqual(
      encode([batch('a', 0, 70), large, batch('a', 2, 70)]).map((piece) => piece === large.bytes),
      [false, true, false],
    );
    assert.equal(encode([batch('a', 0, 16_000), batch('b', 2, 16_000)]).length, 1);
  });
});
