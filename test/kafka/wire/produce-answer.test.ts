import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import {
  produceV10,
  produceV11,
  produceV3,
  produceV4,
  produceV5,
  produceV6,
  produceV7,
  produceV8,
  produceV9,
  Reader,
  ResponseError,
  Writer,
} from '@platformatic/kafka';
import type { PartitionAnswer } from '../../../src/kafka/cluster/brokers.ts';
import { readProduceAnswer } from '../../../src/kafka/wire/produce-answer.ts';
import { Random } from '../../openlineage/random.ts';

interface Answered {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode?: number;
  readonly baseOffset?: bigint;
  readonly errors?: readonly (readonly [place: number, message: string | null])[];
  readonly message?: string | null;
  /** Bytes of an unknown tagged field. */
  readonly tagged?: number;
}

/** Makes the answer of a broker to a request of a version, with its size and its correlation id. */
function answerOf(answered: readonly Answered[], version = 11): Buffer {
  const isFlexible = version >= 9;
  const writer = Writer.create().appendInt32(-1);
  if (isFlexible) writer.appendTaggedFields();
  writer
    .appendArray(
      [...Map.groupBy(answered, ({ topic }) => topic)],
      (outer, [topic, partitions]) => {
        outer.appendString(topic, isFlexible).appendArray(
          partitions,
          (inner, { partition, errorCode = 0, baseOffset = 12n, errors = [], message = null, tagged }) => {
            inner.appendInt32(partition).appendInt16(errorCode).appendInt64(baseOffset).appendInt64(-1n);
            if (version >= 5) inner.appendInt64(0n);
            if (version >= 8) {
              inner
                .appendArray(
                  [...errors],
                  (last, [place, text]) => last.appendInt32(place).appendString(text, isFlexible),
                  isFlexible,
                  isFlexible,
                )
                .appendString(message, isFlexible);
            }
            if (tagged !== undefined && isFlexible) inner.append(taggedField(tagged));
            else if (isFlexible) inner.appendTaggedFields();
          },
          isFlexible,
          false,
        );
      },
      isFlexible,
      isFlexible,
    )
    .appendInt32(0);
  if (isFlexible) writer.appendTaggedFields();
  return writer.prependLength().buffer;
}

/** One tagged field with a number that the library does not know. */
function taggedField(bytes: number): Buffer {
  return Buffer.concat([Buffer.from([1, 9, bytes]), Buffer.alloc(bytes, 0xff)]);
}

/** The readers of the library by version. */
const LIBRARY = new Map(
  [produceV3, produceV4, produceV5, produceV6, produceV7, produceV8, produceV9, produceV10, produceV11].map(
    ({ api, parseResponse }) => [api.version, parseResponse],
  ),
);

/** What the library reads, in the form of the proxy. It throws an answer with an error; the error contains it. */
function byLibrary(answer: Buffer, version = 11): PartitionAnswer[] {
  const reader = Reader.from(answer.subarray(version >= 9 ? 9 : 8));
  const read = () => {
    try {
      return LIBRARY.get(version)?.(-1, 0, version, reader);
    } catch (error) {
      assert.ok(error instanceof ResponseError && isResponse(error.response));
      return error.response;
    }
  };
  const { responses } = read() ?? assert.fail('the library does not know the version');
  return responses.flatMap(({ name, partitionResponses }) =>
    partitionResponses.map(({ index, errorCode, baseOffset, recordErrors, errorMessage }) => ({
      topic: name,
      partition: index,
      errorCode,
      baseOffset: Number(baseOffset),
      culprits: recordErrors.map(({ batchIndex }) => batchIndex),
      message: recordErrors[0]?.batchIndexErrorMessage ?? errorMessage ?? null,
    })),
  );
}

function isResponse(value: unknown): value is ReturnType<typeof produceV11.parseResponse> {
  return typeof value === 'object' && value !== null && 'responses' in value;
}

const VARIOUS: readonly Answered[] = [
  { topic: 'input.runs', partition: 3, baseOffset: 0x1f_ffff_ffff_fffen },
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
  for (const version of LIBRARY.keys()) {
    test(`is read as the library reads it: version ${version}`, () => {
      const answer = answerOf(VARIOUS, version);
      assert.deepEqual(readProduceAnswer(answer, version), byLibrary(answer, version));
      assert.equal(byLibrary(answer, version).length, VARIOUS.length);
      assert.deepEqual(readProduceAnswer(answerOf([], version), version), []);
    });
  }

  test('names the refused records, with the words about the first of them', () => {
    for (const version of [8, 9, 11]) {
      const [, late, two, one] = readProduceAnswer(answerOf(VARIOUS, version), version);
      assert.deepEqual([late?.culprits, late?.message], [[], 'too late']);
      assert.deepEqual([two?.culprits, two?.message], [[0, 130], 'bad']);
      assert.deepEqual([one?.culprits, one?.message], [[5], 'the time']);
    }
  });

  test('is refused when it is cut off anywhere, or goes on', () => {
    for (const version of LIBRARY.keys()) {
      const answer = answerOf(VARIOUS, version);
      for (let length = 8; length < answer.length; length++) {
        assert.throws(
          () => readProduceAnswer(answer.subarray(0, length), version),
          RangeError,
          `at ${length}`,
        );
      }
      const longer = Buffer.concat([answer, Buffer.alloc(1)]);
      assert.throws(() => readProduceAnswer(longer, version), RangeError);
    }
  });

  test('is read or refused, whatever bytes are in it', () => {
    const random = new Random(1);
    for (const version of [4, 8, 11]) {
      const answer = answerOf(VARIOUS, version);
      for (let round = 0; round < 5000; round++) {
        const broken = Buffer.from(answer);
        for (let count = 0; count < 3; count++)
          broken[8 + random.below(broken.length - 8)] = random.below(256);
        try {
          readProduceAnswer(broken, version);
        } catch (error) {
          assert.ok(error instanceof RangeError);
        }
      }
    }
  });
});
