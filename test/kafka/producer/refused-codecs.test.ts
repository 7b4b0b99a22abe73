import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { suite, test, type TestContext } from 'node:test';
import type { CompressionName } from '../../../src/kafka/wire/compression.ts';
import { INVALID_RECORD, type Judge, type Refusal } from '../simulated-brokers.ts';
import { withoutCodecs } from '../simulated-refusals.ts';
import { SimulatedProducer, TOPIC } from '../simulated-producer.ts';

const [NONE, GZIP, SNAPPY, LZ4, ZSTD] = [0, 1, 2, 3, 4] as const;
const UNSUPPORTED = 76;
const FOR_FORMAT = 43;
const CORRUPT = 2;
const UNKNOWN_ERROR = -1;

async function producerWith(t: TestContext, compression: CompressionName, judge: Judge) {
  const it = new SimulatedProducer(t, { compression });
  it.brokers.add('one:9092').create(TOPIC, [1], { 'max.message.bytes': '20000' });
  it.brokers.topic(TOPIC).judge = judge;
  await it.start();
  return it;
}

/** Sends three records at once, and waits until they are settled. */
async function sendSome(it: SimulatedProducer): Promise<void> {
  for (let i = 0; i < 3; i++) it.send('a', { value: Buffer.from(`a#${it.sent.length} ${'x'.repeat(1000)}`) });
  await it.settled();
}

const codecsOf = (it: SimulatedProducer) => it.brokers.attempts.map(({ compression }) => compression);
const told = (it: SimulatedProducer) => it.lines.filter(({ msg }) => msg.includes('kafka.compression'));

suite('a codec that the broker does not take gives way', () => {
  for (const errorCode of [UNSUPPORTED, FOR_FORMAT]) {
    test(`to gzip, when the broker answers ${errorCode}; it is remembered and told once`, async (t) => {
      const it = await producerWith(t, 'lz4', withoutCodecs([LZ4], { errorCode }));
      for (let i = 0; i < 3; i++) await sendSome(it);
      assert.deepEqual(codecsOf(it), [LZ4, GZIP, GZIP, GZIP]);
      it.assertOnceAndInOrder();
      assert.deepEqual(
        told(it).map(({ msg }) => msg),
        ['Kafka takes no lz4 batches of a topic, so they go as gzip (kafka.compression)'],
      );
      assert.equal(it.producer.problemOf(TOPIC), undefined);
    });

    test(`to plain batches, when the broker answers ${errorCode} to gzip, too`, async (t) => {
      const it = await producerWith(t, 'zstd', withoutCodecs([GZIP, SNAPPY, LZ4, ZSTD], { errorCode }));
      for (let i = 0; i < 3; i++) await sendSome(it);
      assert.deepEqual(codecsOf(it), [ZSTD, GZIP, NONE, NONE, NONE]);
      it.assertOnceAndInOrder();
      assert.deepEqual(
        told(it).map(({ msg }) => msg),
        [
          'Kafka takes no zstd batches of a topic, so they go as gzip (kafka.compression)',
          'Kafka takes no gzip batches of a topic, so they go as none (kafka.compression)',
        ],
      );
    });
  }

  const refusals: readonly (readonly [string, Refusal | 'close'])[] = [
    ['refuses the records without naming any', { errorCode: INVALID_RECORD }],
    ['refuses them by a code that nobody knows', { errorCode: 9999 }],
    ['finds them corrupt', { errorCode: CORRUPT }],
    ['fails on them: the library of the codec is missing', { errorCode: UNKNOWN_ERROR }],
    ['closes the connection', 'close'],
  ];
  for (const [what, answer] of refusals) {
    test(`when the broker ${what}, and this is remembered after the second time`, async (t) => {
      const it = await producerWith(t, 'snappy', withoutCodecs([SNAPPY], answer));
      for (let i = 0; i < 5; i++) await sendSome(it);
      assert.deepEqual(new Set(it.kinds), new Set(['written']));
      it.assertOnceAndInOrder();
      assert.equal(told(it).length, 1);
      // The last batches go as gzip at once.
      assert.deepEqual(codecsOf(it).slice(-3), [GZIP, GZIP, GZIP]);
    });
  }

  test('and the codec is tried again later: it is used when the broker has learned it', async (t) => {
    const it = await producerWith(t, 'lz4', withoutCodecs([LZ4], { errorCode: UNSUPPORTED }));
    await sendSome(it);
    await it.time.advance(601_000);
    await sendSome(it);
    assert.deepEqual(codecsOf(it), [LZ4, GZIP, LZ4, GZIP]);
    delete it.brokers.topic(TOPIC).judge;
    await it.time.advance(601_000);
    await sendSome(it);
    assert.equal(codecsOf(it).at(-1), LZ4);
    assert.equal(told(it).length, 1, 'the second refusal is no news');
    assert.ok(it.lines.some(({ msg }) => msg === 'Kafka takes lz4 batches of a topic again'));
  });

  test('for its own topic only', async (t) => {
    const it = await producerWith(t, 'lz4', withoutCodecs([LZ4], { errorCode: UNSUPPORTED }));
    it.brokers.create('other', [1]);
    await sendSome(it);
    it.send('a', { topic: 'other', value: Buffer.alloc(1000) });
    await it.settled();
    assert.equal(codecsOf(it).at(-1), LZ4);
  });

  test('a record that fits only compressed, and gzip is refused: it is too large', async (t) => {
    const it = await producerWith(t, 'none', withoutCodecs([GZIP], { errorCode: FOR_FORMAT }));
    const large = it.send('a', { value: Buffer.alloc(50_000) });
    const small = it.send('a');
    await it.settled();
    const [outcome] = large.outcomes;
    assert.ok(outcome?.kind === 'too-large' && outcome.size > 50_000 && outcome.limit === 20_000);
    assert.deepEqual(it.brokers.values(TOPIC), [small.value]);
    assert.equal(told(it).length, 1);
  });

  test('in a batch that may be written: it keeps its sequence, and is in the topic once', async (t) => {
    const it = await producerWith(t, 'lz4', () => undefined);
    it.brokers.script(TOPIC, 0, { breaks: 'after' });
    it.brokers.topic(TOPIC).judge = undefined;
    for (let i = 0; i < 3; i++) it.send('a', { value: Buffer.from(`a#${i} ${'x'.repeat(1000)}`) });
    await it.time.until(() => it.brokers.attempts.length === 1);
    it.brokers.topic(TOPIC).judge = withoutCodecs([LZ4], { errorCode: UNSUPPORTED });
    it.send('a', { value: Buffer.from(`a#3 ${'x'.repeat(1000)}`) });
    await it.settled();
    it.assertOnceAndInOrder();
    assert.deepEqual(
      it.brokers.attempts.map(({ result, compression }) => [result, compression]).slice(0, 3),
      [
        ['written', LZ4],
        [UNSUPPORTED, LZ4],
        ['duplicate', GZIP],
      ],
    );
  });

  test('but a plain batch has no other form: it waits, the topic says why, and it goes later', async (t) => {
    const it = await producerWith(t, 'none', withoutCodecs([NONE], { errorCode: FOR_FORMAT }));
    const sent = it.send('a');
    await it.time.advance(60_000);
    assert.deepEqual(sent.outcomes, []);
    assert.match(
      it.producer.problemOf(TOPIC) ?? '',
      /UNSUPPORTED_FOR_MESSAGE_FORMAT.*message\.format\.version/,
    );
    it.brokers.topic(TOPIC).judge = undefined;
    await it.settled();
    assert.deepEqual(it.kinds, ['written']);
  });

  test('is not blamed for a broker that dies with a request, again and again', async (t) => {
    const it = await producerWith(t, 'lz4', () => undefined);
    it.brokers.script(TOPIC, 0, ...Array.from({ length: 4 }, () => ({ breaks: 'before' as const })));
    for (let i = 0; i < 5; i++) await sendSome(it);
    it.assertOnceAndInOrder();
    assert.deepEqual(codecsOf(it).slice(-4), [LZ4, LZ4, LZ4, LZ4]);
    assert.equal(told(it).length, 0);
  });
});

suite('a record that the topic refuses', () => {
  /** Refuses batches with a record whose value has this text, and names no record. */
  const refusing =
    (text: string): Judge =>
    ({ records }) =>
      records.some(({ value }) => value.includes(text)) ? { errorCode: INVALID_RECORD } : undefined;

  for (const compression of ['none', 'lz4'] as const) {
    test(`takes no other record with it: unnamed, compression ${compression}`, async (t) => {
      const it = await producerWith(t, compression, refusing('bad'));
      for (let i = 0; i < 100; i++) {
        const text = i % 40 === 7 ? 'bad' : 'good';
        it.send('a', { value: Buffer.from(`a#${i} ${text} ${'x'.repeat(50)}`) });
      }
      await it.settled();
      assert.deepEqual(
        it.sent
          .filter(({ outcomes }) => outcomes[0]?.kind === 'refused')
          .map(({ value }) => value.slice(0, 8).trim()),
        ['a#7 bad', 'a#47 bad', 'a#87 bad'],
      );
      assert.equal(it.brokers.log(TOPIC, 0).length, 97);
      assert.equal(told(it).length, 0);
      // Halving finds each of the three among a hundred.
      assert.ok(it.brokers.count('produce') < 80, String(it.brokers.count('produce')));
    });
  }

  test('is a problem of the topic when it is the third in a row; a record taken ends it', async (t) => {
    const it = await producerWith(t, 'none', refusing('bad'));
    const send = async (text: string) => {
      it.send('a', { value: Buffer.from(text) });
      await it.settled();
      // A refusal that is not believed yet makes the producer ask the cluster again.
      await it.time.advance(2000);
      return it.producer.refusalOf(TOPIC);
    };
    const up = () => it.metric(it.metrics.kafkaUp, { topic: TOPIC });
    assert.equal(await send('bad'), undefined);
    assert.equal(await send('bad'), undefined);
    assert.equal(await up(), 1);
    assert.match(
      (await send('bad')) ?? '',
      /^topic input\.runs: Kafka refuses every record, 3 in a row since 2026-01-02T03:04:\d\d\.\d{3}Z: INVALID_RECORD$/,
    );
    assert.equal(await up(), 0);
    // Later records still go to Kafka at once: a refusal is no outage.
    assert.equal(it.producer.problemOf(TOPIC), undefined);
    assert.equal(await send('good'), undefined);
    assert.equal(await up(), 1);
    assert.equal(await send('bad'), undefined);
    const lines = it.lines.map(({ msg }) => msg);
    assert.equal(lines.filter((msg) => msg === 'Kafka refuses every record of a topic').length, 1);
  });

  test('is a problem of the topic when all are too large', async (t) => {
    const it = await producerWith(t, 'none', () => undefined);
    for (let i = 0; i < 3; i++) it.send('a', { value: randomBytes(30_000) });
    await it.settled();
    assert.match(
      it.producer.refusalOf(TOPIC) ?? '',
      /3 in a row .*MESSAGE_TOO_LARGE: .* at most 20000 bytes/,
    );
    assert.equal(await it.metric(it.metrics.kafkaUp, { topic: TOPIC }), 0);
  });

  test('is a problem of its own topic only', async (t) => {
    const it = await producerWith(t, 'none', refusing('bad'));
    it.brokers.create('other', [1]);
    for (let i = 0; i < 3; i++) it.send('a', { value: Buffer.from('bad') });
    it.send('a', { topic: 'other' });
    await it.settled();
    assert.equal(it.producer.refusalOf('other'), undefined);
    assert.equal(await it.metric(it.metrics.kafkaUp, { topic: 'other' }), 1);
    assert.equal(await it.metric(it.metrics.kafkaUp, { topic: TOPIC }), 0);
  });
});
