import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { produceV11, Reader, ResponseError, Writer } from '@platformatic/kafka';
import type { PartitionAnswer } from '../../../src/kafka/cluster/brokers.ts';
import { readProduceAnswer } from '../../../src/kafka/wire/produce-answer.ts';
import { Random } from '../../openlineage/random.ts';

interface Answered {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode?: number;
  readonly errors?: readonly (readonly [place: number, message: string | null])[];
  readonly message?: string | null;
  /** Bytes of an unknown tagged field. */
  readonly tagged?: number;
}

/** Makes the answer of a broker, with its size and its correlation id. */
function answerOf(answered: readonly Answered[]): Buffer {
  return Writer.create()
    .appendInt32(-1)
    .appendTaggedFields()
    .appendArray([...Map.groupBy(answered, ({ topic }) => topic)], (writer, [topic, partitions]) => {
      writer.appendString(topic).appendArray(
        partitions,
        (inner, { partition, errorCode = 0, errors = [], message = null, tagged }) => {
          inner
            .appendInt32(partition)
            .appendInt16(errorCode)
            .appendInt64(12n)
            .appendInt64(-1n)
            .appendInt64(0n)
            .appendArray([...errors], (last, [place, text]) => last.appendInt32(place).appendString(text))
            .appendString(message);
          if (tagged === undefined) inner.appendTaggedFields();
          else inner.append(taggedField(tagged));
        },
        true,
        false,
      );
    })
    .appendInt32(0)
    .appendTaggedFields()
    .prependLength().buffer;
}

/** One tagged field with a number that the library does not know. */
function taggedField(bytes: number): Buffer {
  return Buffer.concat([Buffer.from([1, 9, bytes]), Buffer.alloc(bytes, 0xff)]);
}

/** What the library reads, in the form of the proxy. It throws an answer with an error; the error contains it. */
function byLibrary(answer: Buffer): PartitionAnswer[] {
  const reader = Reader.from(answer.subarray(9));
  const read = () => {
    try {
      return produceV11.parseResponse(-1, 0, 11, reader);
    } catch (error) {
      assert.ok(error instanceof ResponseError && isResponse(error.response));
      return error.response;
    }
  };
  return read().responses.flatMap(({ name, partitionResponses }) =>
    partitionResponses.map(({ index, errorCode, recordErrors, errorMessage }) => ({
      topic: name,
      partition: index,
      errorCode,
      culprits: recordErrors.map(({ batchIndex }) => batchIndex),
      message: recordErrors[0]?.batchIndexErrorMessage ?? errorMessage ?? null,
    })),
  );
}

function isResponse(value: unknown): value is ReturnType<typeof produceV11.parseResponse> {
  return typeof value === 'object' && value !== null && 'responses' in value;
}

const VARIOUS: readonly Answered[] = [
  { topic: 'input.runs', partition: 3 },
  { topic: 'input.runs', partition: 0, errorCode: 7, message: 'too late' },
  {
    topic: 'other',
    partition: 70_000,
    errorCode: 87,
    errors: [
      [0, null],
      [130, 'ж'.repeat(90)],
    ],
    message: 'bad',
  },
  { topic: 'other', partition: 1, errorCode: 32, errors: [[5, 'the time']], tagged: 100 },
  { topic: 'other', partition: 2, errorCode: -1 },
];

suite('the answer to a produce request', () => {
  test('is read as the library reads it', () => {
    const answer = answerOf(VARIOUS);
    assert.deepEqual(readProduceAnswer(answer), byLibrary(answer));
    assert.equal(byLibrary(answer).length, VARIOUS.length);
    assert.deepEqual(readProduceAnswer(answerOf([])), []);
  });

  test('names the refused records, with the words about the first of them', () => {
    const [, late, two, one] = readProduceAnswer(answerOf(VARIOUS));
    assert.deepEqual([late?.culprits, late?.message], [[], 'too late']);
    assert.deepEqual([two?.culprits, two?.message], [[0, 130], 'bad']);
    assert.deepEqual([one?.culprits, one?.message], [[5], 'the time']);
  });

  test('is refused when it is cut off anywhere, or goes on', () => {
    const answer = answerOf(VARIOUS);
    for (let length = 8; length < answer.length; length++) {
      assert.throws(() => readProduceAnswer(answer.subarray(0, length)), RangeError, `at ${length}`);
    }
    assert.throws(() => readProduceAnswer(Buffer.concat([answer, Buffer.alloc(1)])), RangeError);
  });

  test('is read or refused, whatever bytes are in it', () => {
    const random = new Random(1);
    const answer = answerOf(VARIOUS);
    for (let round = 0; round < 5000; round++) {
      const broken = Buffer.from(answer);
      for (let count = 0; count < 3; count++) broken[8 + random.below(broken.length - 8)] = random.below(256);
      try {
        readProduceAnswer(broken);
      } catch (error) {
        assert.ok(error instanceof RangeError);
      }
    }
  });
});
