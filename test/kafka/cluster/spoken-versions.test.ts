import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { BrokerError } from '../../../src/kafka/broker-error.ts';
import {
  CREATE_TOPICS,
  DESCRIBE_CONFIGS,
  INIT_PRODUCER_ID,
  METADATA,
  PRODUCE,
  type KnownRequest,
} from '../../../src/kafka/cluster/request-versions.ts';
import { SpokenVersions } from '../../../src/kafka/cluster/spoken-versions.ts';

/** What brokers say, as their `kafka-clients` have it (`ApiKeys`): numbers of requests and ranges, of which the proxy reads some. */
const BROKERS: Readonly<Record<string, string>> = {
  '0.10': '0:0-2 1:0-3 3:0-2 4:0-0 17:0-0 18:0-0',
  '0.11': '0:0-3 1:0-5 3:0-4 4:0-0 17:0-0 18:0-1 19:0-2 22:0-0 32:0-0',
  '1.0': '0:0-5 1:0-6 3:0-5 4:0-1 17:0-1 18:0-1 19:0-2 22:0-0 32:0-0 36:0-0',
  '1.1': '0:0-5 1:0-7 3:0-5 4:0-1 17:0-1 18:0-1 19:0-2 22:0-0 32:0-1 36:0-0',
  '2.0': '0:0-6 1:0-8 3:0-6 4:0-1 17:0-1 18:0-2 19:0-3 22:0-1 32:0-2 36:0-0',
  '2.1': '0:0-7 1:0-10 3:0-7 4:0-1 17:0-1 18:0-2 19:0-3 22:0-1 32:0-2 36:0-0',
  '2.2': '0:0-7 1:0-10 3:0-7 4:0-2 17:0-1 18:0-2 19:0-3 22:0-1 32:0-2 36:0-1 43:0-0',
  '2.3': '0:0-7 1:0-11 3:0-8 4:0-2 17:0-1 18:0-2 19:0-3 22:0-1 32:0-2 36:0-1 43:0-0 44:0-0',
  '2.4': '0:0-8 1:0-11 3:0-9 4:0-4 17:0-1 18:0-3 19:0-5 22:0-2 32:0-2 36:0-1 43:0-2 44:0-1',
  '2.5': '0:0-8 1:0-11 3:0-9 4:0-4 17:0-1 18:0-3 19:0-5 22:0-3 32:0-2 36:0-2 43:0-2 44:0-1',
  '2.6': '0:0-8 1:0-11 3:0-9 4:0-4 17:0-1 18:0-3 19:0-5 22:0-3 32:0-3 36:0-2 43:0-2 48:0-0',
  '2.7': '0:0-8 1:0-12 3:0-9 4:0-4 17:0-1 18:0-3 19:0-6 22:0-4 32:0-3 36:0-2 43:0-2 48:0-0 50:0-0',
  '2.8': '0:0-9 1:0-12 3:0-11 4:0-5 17:0-1 18:0-3 19:0-7 22:0-4 32:0-4 36:0-2 43:0-2 48:0-1',
  '3.0': '0:0-9 1:0-12 3:0-11 4:0-5 17:0-1 18:0-3 19:0-7 22:0-4 32:0-4 36:0-2 43:0-2 48:0-1',
  '3.1 without ZooKeeper': '0:0-9 1:0-13 3:0-12 17:0-1 18:0-3 19:0-7 22:0-4 32:0-4 36:0-2',
  '3.9': '0:0-11 1:0-17 3:0-12 17:0-1 18:0-4 19:0-7 22:0-5 32:0-4 36:0-2',
  '4.0': '0:3-12 1:4-17 3:0-13 17:0-1 18:0-4 19:2-7 22:0-5 32:1-4 36:0-2',
  '4.3': '0:3-13 1:4-18 3:0-13 17:0-1 18:0-4 19:2-7 22:0-5 32:1-4 36:0-2',
  // Of other makers: docs/brokers.md.
  Redpanda: '0:0-7 1:4-11 3:0-7 17:0-1 18:0-3 19:0-5 22:0-1 32:0-2 36:0-2 43:0-0',
  'Azure Event Hubs': '0:3-7 1:4-6 3:0-5 17:0-1 18:0-3 19:0-4 22:0-1 32:0-2 36:0-1',
};

const REQUESTS = { PRODUCE, METADATA, INIT_PRODUCER_ID, DESCRIBE_CONFIGS, CREATE_TOPICS };

function spoken(ranges: string): SpokenVersions {
  return new SpokenVersions(
    ranges.split(' ').map((one) => {
      const [apiKey = 0, minVersion = 0, maxVersion = 0] = one.split(/[:-]/).map(Number);
      return { apiKey, minVersion, maxVersion };
    }),
  );
}

/** The versions that the proxy sends to a broker; null where it sends no such request. */
function chosen(broker: string): Record<string, number | null> {
  const versions = spoken(BROKERS[broker] ?? assert.fail(broker));
  const one = (request: KnownRequest) => {
    try {
      return versions.of(request).version;
    } catch (error) {
      assert.ok(error instanceof BrokerError);
      return null;
    }
  };
  return Object.fromEntries(Object.entries(REQUESTS).map(([name, request]) => [name, one(request)]));
}

/** Why a broker cannot be used. */
function problemOf(ranges: string, request?: KnownRequest): string {
  try {
    const versions = spoken(ranges);
    if (request) versions.of(request);
  } catch (error) {
    assert.ok(error instanceof BrokerError && error.problem === error.message && !error.login);
    assert.ok(error.message.split(' ').length <= 25, error.message);
    return error.message;
  }
  return assert.fail('it can be used');
}

function versions(
  ...[produce, metadata, id, configs, creation]: (number | null)[]
): Record<string, number | null | undefined> {
  return {
    PRODUCE: produce,
    METADATA: metadata,
    INIT_PRODUCER_ID: id,
    DESCRIBE_CONFIGS: configs,
    CREATE_TOPICS: creation,
  };
}

suite('the versions that a broker takes', () => {
  const expected: Readonly<Record<string, ReturnType<typeof versions>>> = {
    '2.8': versions(9, 11, 4, 4, 7),
    '3.0': versions(9, 11, 4, 4, 7),
    '3.1 without ZooKeeper': versions(9, 12, 4, 4, 7),
    '3.9': versions(11, 12, 5, 4, 7),
    '4.0': versions(11, 12, 5, 4, 7),
    '4.3': versions(11, 12, 5, 4, 7),
    Redpanda: versions(7, 7, 1, 2, 5),
    'Azure Event Hubs': versions(7, 5, 1, 2, null),
  };
  for (const [broker, each] of Object.entries(expected)) {
    test(`the newest that both know is chosen: ${broker}`, () => assert.deepEqual(chosen(broker), each));
  }

  for (const release of Object.keys(BROKERS).filter((name) => name < '2.8')) {
    test(`Kafka ${release} is named, and what is needed`, () => {
      assert.equal(
        problemOf(BROKERS[release] ?? ''),
        `the broker is too old: it seems to be Kafka ${release}. Upgrade it: the proxy needs Kafka 2.8 or later`,
      );
    });
  }

  for (const [name, request] of Object.entries(REQUESTS)) {
    test(`each version of ${name} that the proxy knows is used where it is the newest of the broker`, () => {
      const { key, versions: known } = request;
      assert.ok(known.every((one) => one.key === key));
      const numbers = known.map(({ version }) => version);
      // Without gaps, as the ranges of brokers have none.
      assert.deepEqual(
        numbers,
        [...numbers.keys()].map((index) => (numbers[0] ?? 0) - index),
      );
      for (const version of numbers) {
        const others = BROKERS['4.3']?.replace(new RegExp(`\\b${key}:\\S+`), `${key}:0-${version}`) ?? '';
        assert.equal(spoken(others).of<{ key: number; version: number }>(request).version, version);
        const least = others.replace(`${key}:0-`, `${key}:${version}-`);
        assert.equal(spoken(least).of<{ key: number; version: number }>(request).version, version);
      }
    });
  }

  const change = (key: number, range: string) =>
    BROKERS['4.3']?.replace(new RegExp(`\\b${key}:\\S+ ?`), range === '' ? '' : `${key}:${range} `) ?? '';

  test('a broker without a request that the proxy needs is refused at once', () => {
    for (const { key, name } of [PRODUCE, METADATA, INIT_PRODUCER_ID]) {
      assert.match(problemOf(change(key, '')), new RegExp(`takes no ${name} requests.*controller`));
    }
  });

  test('a broker whose versions are all too old is refused, with both sides', () => {
    assert.equal(
      problemOf(change(METADATA.key, '0-3')),
      'the broker takes Metadata requests of version 0 to 3, the proxy sends 4 or later: it needs Kafka 2.8 or later',
    );
  });

  test('a broker whose versions are all too new is refused, with both sides', () => {
    assert.equal(
      problemOf(change(PRODUCE.key, '13-15')),
      'the broker takes Produce requests of version 13 to 15, the proxy sends up to 11: update the proxy',
    );
  });

  test('a request that is not needed for writing is refused only when it is asked for', () => {
    assert.match(problemOf(change(CREATE_TOPICS.key, ''), CREATE_TOPICS), /takes no CreateTopics requests/);
    assert.match(
      problemOf(change(CREATE_TOPICS.key, '0-4'), CREATE_TOPICS),
      /version 0 to 4.*sends 5 or later/,
    );
  });
});
