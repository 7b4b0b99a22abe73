/** Letters for the tests: records of a dead-letter topic as the proxy, Data.Rentgen's consumer or others write them. */
import { Producer } from '@platformatic/kafka';
import type { ReadRecord } from '../../../tools/kafka/records.ts';

export interface WrittenLetter {
  readonly value: Buffer;
  readonly partition?: number;
  readonly key?: string;
  /** Milliseconds since the epoch. */
  readonly time?: number;
  readonly headers?: readonly (readonly [name: string, value: string])[];
}

export type Ending = 'committed' | 'aborted' | 'open';

/** Records of one batch: it has to fit into a topic. */
const BATCH = 1000;

/** Writes records in this order. With `ending` in a transaction, which ends so. Resolves with what ends an open one. */
export async function writeLetters(
  bootstrapServers: string,
  topic: string,
  letters: readonly WrittenLetter[],
  ending?: Ending,
): Promise<() => Promise<void>> {
  const producer = new Producer({
    clientId: 'letters',
    bootstrapBrokers: bootstrapServers.split(','),
    idempotent: ending !== undefined,
    ...(ending !== undefined && { transactionalId: `letters-${ending}-${letters.length}` }),
    strict: true,
  });
  const messages = letters.map(({ value, partition = 0, key, time = Date.now(), headers = [] }) => ({
    topic,
    partition,
    value,
    ...(key !== undefined && { key: Buffer.from(key) }),
    timestamp: BigInt(time),
    headers: new Map(headers.map(([name, text]) => [Buffer.from(name), Buffer.from(text)])),
  }));
  const transaction = ending === undefined ? undefined : await producer.beginTransaction();
  if (transaction) await transaction.send({ messages, acks: -1 });
  else {
    // One partition a request: the library sends a request again whole, also when only one of its partitions has no leader yet.
    for (const own of Object.values(Object.groupBy(messages, ({ partition }) => partition))) {
      for (let at = 0; own && at < own.length; at += BATCH) {
        await producer.send({ messages: own.slice(at, at + BATCH), acks: -1 });
      }
    }
  }
  if (ending === 'committed') await transaction?.commit();
  if (ending === 'aborted') await transaction?.abort();
  if (ending !== 'open') await producer.close();
  return async () => {
    if (ending !== 'open') return;
    await transaction?.commit();
    await producer.close();
  };
}

/** The headers of a letter whose event the check has refused. */
export function invalidHeaders(reason: string, code: string, sender?: string): [string, string][] {
  const [place = '', message = ''] = reason.split(': ');
  return [
    ['content-type', 'application/json'],
    ['correlation_id', `request of ${reason}`],
    ...(sender === undefined ? [] : [['reported-by-user-name', sender] satisfies [string, string]]),
    ['dead-letter-reason', reason],
    ['dead-letter-details', JSON.stringify([{ location: place.split('.'), message, code }])],
  ];
}

/** The headers of a letter that its own topic did not take. */
export function refusedHeaders(topic: string, reason: string): [string, string][] {
  return [
    ['content-type', 'application/json'],
    ['dead-letter-topic', topic],
    ['dead-letter-reason', `topic ${topic} does not take it: ${reason}`],
  ];
}

export function textsOf({ headers }: ReadRecord): [string, string][] {
  return headers.map(([name, value]) => [name, value.toString()]);
}
