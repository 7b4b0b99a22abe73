/** The replay of letters against a Kafka that loses transactions: it does not say whether they were committed. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Replaying, type Told } from '../../src/commands/dead-letters/replaying.ts';
import { PartitionProgress } from '../../src/commands/dead-letters/partition-progress.ts';
import type { TopicRecord } from '../../src/kafka/reading/topic-record.ts';
import type { KafkaRecord } from '../../src/kafka/record.ts';
import type { GroupPosition } from '../../src/kafka/transaction/group-offsets.ts';
import {
  FencedError,
  LostTransactionError,
  RecordsRefusedError,
} from '../../src/kafka/transaction/transactional-writer.ts';
import { systemTime } from '../../src/support/time.ts';

/** A generator of numbers from 0 to 1 that gives the same ones for the same seed. */
function numbersOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Without pauses. */
const HURRY = { ...systemTime, setTimeout: (callback: () => void) => systemTime.setTimeout(callback, 0) };

/** Topics and a group, which change together. */
class FakeKafka {
  readonly written: KafkaRecord[] = [];
  readonly positions = new Map<number, GroupPosition>();
  readonly #random: () => number;
  #hasBegun = false;
  /** The share of transactions that are lost. */
  losses = 0;
  refuses: (record: KafkaRecord) => RecordsRefusedError['kind'] | undefined = () => undefined;
  /** Called before each transaction. */
  onBegin: () => void = () => undefined;

  constructor(seed: number) {
    this.#random = numbersOf(seed);
  }

  begin(): Promise<void> {
    this.onBegin();
    this.#hasBegun = true;
    return Promise.resolve();
  }

  async commit(
    records: readonly KafkaRecord[],
    positions: ReadonlyMap<number, GroupPosition>,
  ): Promise<void> {
    await Promise.resolve();
    assert.ok(this.#hasBegun, 'each transaction begins');
    this.#hasBegun = false;
    for (const record of records) {
      const refusal = this.refuses(record);
      if (refusal) throw new RecordsRefusedError(refusal, record.topic, refusal);
    }
    const isLost = this.#random() < this.losses;
    if (!isLost || this.#random() < 0.5) {
      this.written.push(...records);
      for (const [partition, position] of positions) this.positions.set(partition, position);
    }
    if (isLost) throw new LostTransactionError('no answer');
  }
}

function letters(count: number, partitions: number): TopicRecord[] {
  return Array.from({ length: count }, (_, n) => ({
    partition: n % partitions,
    offset: Math.floor(n / partitions),
    timestamp: n,
    key: null,
    value: Buffer.from(`letter ${n}`),
    headers: [],
  }));
}

async function* each(records: readonly TopicRecord[]): AsyncGenerator<TopicRecord> {
  for (const record of records) yield await Promise.resolve(record);
}

/** A replay that goes on behind what the group has. */
function replayOf(
  kafka: FakeKafka,
  all: readonly TopicRecord[],
  isWrong: (n: number) => boolean,
  topics: readonly string[] = ['main'],
) {
  const partitions = [...new Set(all.map(({ partition }) => partition))];
  const progress = new Map(
    partitions.map((partition) => {
      const position = kafka.positions.get(partition);
      return [partition, position ? PartitionProgress.of(position, 0) : PartitionProgress.at(0)];
    }),
  );
  const ranges = partitions.map((partition) => ({
    partition,
    from: progress.get(partition)?.offset ?? 0,
    end: all.filter((one) => one.partition === partition).length,
  }));
  const records = all.filter(({ partition, offset }) => offset >= (progress.get(partition)?.offset ?? 0));
  const told: Told[] = [];
  const replaying = new Replaying({
    ...{ ranges, progress, writer: kafka, time: HURRY },
    records: each(records),
    positions: () => Promise.resolve(new Map(kafka.positions)),
    judge: (letter) =>
      Promise.resolve(
        isWrong(letter.timestamp)
          ? { reason: 'wrong', errors: [] }
          : {
              records: topics.map((topic) => ({
                ...{ topic, key: null, value: letter.value ?? Buffer.alloc(0), headers: [] },
                ...{ timestamp: letter.timestamp, arrivedAt: letter.timestamp },
              })),
            },
      ),
    includes: () => true,
    tell: (one) => told.push(one),
  });
  return { replaying, told };
}

const textsOf = (kafka: FakeKafka) => kafka.written.map(({ value }) => value.toString()).sort();
const expected = (all: readonly TopicRecord[], isRight: (n: number) => boolean) =>
  all
    .filter(({ timestamp }) => isRight(timestamp))
    .map(({ value }) => String(value))
    .sort();

suite('a replay of letters', () => {
  test('sends each letter once, also where no answer says whether a transaction was committed', async () => {
    for (let seed = 1; seed <= 8; seed += 1) {
      const kafka = new FakeKafka(seed);
      kafka.losses = 0.3;
      const all = letters(4000, 3);
      const { replaying, told } = replayOf(kafka, all, (n) => n % 7 === 0);
      await replaying.run();
      assert.deepEqual(
        textsOf(kafka),
        expected(all, (n) => n % 7 !== 0),
        `seed ${seed}`,
      );
      assert.equal(told.filter(({ outcome }) => outcome === 'sent').length, kafka.written.length);
    }
  });

  test('goes on behind what it has sent, whenever it ends', async () => {
    for (let seed = 1; seed <= 8; seed += 1) {
      const kafka = new FakeKafka(seed);
      const all = letters(3000, 2);
      let transactions = 0;
      kafka.onBegin = () => {
        transactions += 1;
        if (transactions % 3 === 0) throw new FencedError('another one');
      };
      for (let round = 0; round < 10; round += 1) {
        const { replaying } = replayOf(kafka, all, (n) => n % 5 === 0);
        await replaying.run().catch((error: unknown) => assert.ok(error instanceof FencedError));
      }
      assert.deepEqual(
        textsOf(kafka),
        expected(all, (n) => n % 5 !== 0),
        `seed ${seed}`,
      );
    }
  });

  test('sends what was wrong when it is right, and nothing else', async () => {
    const kafka = new FakeKafka(1);
    const all = letters(1000, 2);
    await replayOf(kafka, all, (n) => n % 3 !== 0).replaying.run();
    const before = kafka.written.length;
    await replayOf(kafka, all, (n) => n % 3 === 1).replaying.run();
    assert.equal(kafka.written.length - before, 333);
    await replayOf(kafka, all, () => false).replaying.run();
    assert.deepEqual(
      textsOf(kafka),
      expected(all, () => true),
    );
    assert.deepEqual(
      [...kafka.positions.values()],
      [
        { offset: 500, metadata: '' },
        { offset: 500, metadata: '' },
      ],
    );
  });

  test('finds the letters that a topic refuses, and sends the others in their order', async () => {
    const kafka = new FakeKafka(1);
    const all = letters(40, 1);
    const refused = new Set([3, 4, 17]);
    kafka.refuses = ({ timestamp }) => (refused.has(timestamp) ? 'too-large' : undefined);
    const { replaying, told } = replayOf(kafka, all, () => false);
    await replaying.run();
    assert.deepEqual(
      told.filter(({ outcome }) => outcome === 'wrong').map(({ letter }) => letter.id),
      ['0/3', '0/4', '0/17'],
    );
    const times = kafka.written.map(({ timestamp }) => timestamp);
    assert.deepEqual(
      times,
      all.map(({ timestamp }) => timestamp).filter((n) => !refused.has(n)),
    );
  });

  test('gives a letter another time where the topic refuses its own', async () => {
    const kafka = new FakeKafka(1);
    kafka.refuses = ({ timestamp }) => (timestamp < 1e12 ? 'timestamp' : undefined);
    const { replaying } = replayOf(kafka, letters(2, 1), () => false);
    await replaying.run();
    assert.deepEqual([replaying.counts.sent, replaying.counts.wrong], [2, 0]);
  });

  test('sends a letter to each of its topics, or to none; each topic with a time that it takes', async () => {
    const kafka = new FakeKafka(1);
    kafka.losses = 0.3;
    kafka.refuses = ({ topic, timestamp }) => {
      if (topic === 'main') return timestamp === 5 ? 'too-large' : undefined;
      return timestamp < 1e12 ? 'timestamp' : undefined;
    };
    const all = letters(20, 2);
    const { replaying, told } = replayOf(kafka, all, () => false, ['main', 'other']);
    await replaying.run();
    assert.deepEqual(
      told
        .filter(({ outcome }) => outcome === 'wrong')
        .map((one) => [one.letter.timestamp, 'reason' in one && one.reason]),
      [[5, 'topic main does not take it: too-large']],
    );
    const both = told.filter((one) => 'topics' in one && one.topics.join() === 'main,other');
    assert.equal(both.length, 19);
    for (const topic of ['main', 'other']) {
      const own = kafka.written.filter((record) => record.topic === topic);
      assert.deepEqual(
        own.map(({ value }) => value.toString()).sort(),
        expected(all, (n) => n !== 5),
      );
      assert.ok(own.every(({ timestamp }) => timestamp < 1e12 === (topic === 'main')));
    }
  });

  test('sends no more of a partition whose progress has no room, and says so', async () => {
    const kafka = new FakeKafka(1);
    const random = numbersOf(3);
    const all = letters(60_000, 2);
    const wrong = new Set(all.filter(({ partition }) => partition === 0 && random() < 0.5));
    const { replaying } = replayOf(kafka, all, (n) => wrong.has(all[n] ?? assert.fail()));
    await replaying.run();
    assert.deepEqual([...replaying.full], [0]);
    const sent = replaying.counts.sent;
    assert.ok(sent > 30_000 && sent < 60_000 - wrong.size);
    const again = replayOf(kafka, all, (n) => wrong.has(all[n] ?? assert.fail()));
    await again.replaying.run();
    assert.equal(new Set(textsOf(kafka)).size, kafka.written.length);
  });
});
