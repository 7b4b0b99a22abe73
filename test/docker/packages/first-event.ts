// What the trials of the packages share: two events, how they get to the service, and how they are found in Kafka.
import assert from 'node:assert/strict';
import type { Machine } from './machine.ts';

/** The versions of the two packages that an upgrade is tried with. */
export const VERSIONS = { older: '0.1.99', newer: '0.2.0' } as const;

export const SETTINGS = '/etc/http2kafka/http2kafka.yaml';

/** Names the broker of the run in the default settings. */
export const setBroker = `sed -i 's/bootstrap_servers: \\[\\]/bootstrap_servers: [broker:19092]/' ${SETTINGS}`;

const event = (runId: string) =>
  JSON.stringify({
    eventType: 'START',
    eventTime: '2026-11-29T09:00:00Z',
    producer: 'https://example.org/packages',
    schemaURL: 'https://openlineage.io/spec/2-0-2/OpenLineage.json#/definitions/RunEvent',
    run: { runId },
    job: { namespace: 'packages', name: 'trial' },
  });

export const FIRST = '3f5e83fa-3480-44ff-99c5-ff943904e5e8';
export const SECOND = '7b1c2f04-3480-44ff-99c5-ff943904e5e9';

/** Posts an event, and gives `X-Delivery` of the answer. Fails unless it is 201. */
export async function post(machine: Machine, runId: string, port = 8002): Promise<string> {
  const answer = await machine.sh(
    `curl -sS -i http://127.0.0.1:${port}/api/v1/lineage -H 'Content-Type: application/json' -d '${event(runId)}'`,
  );
  assert.match(answer, /^HTTP\/1\.1 201 /);
  return /^x-delivery: (?<where>\S+)/im.exec(answer)?.groups?.['where'] ?? '';
}

/** The version of the service that runs. */
export async function versionOf(machine: Machine): Promise<string> {
  const head = await machine.sh('curl -sS -o /dev/null -D - http://127.0.0.1:8002/monitoring/ping');
  return /^x-application-version: (?<version>\S+)/im.exec(head)?.groups?.['version'] ?? '';
}

/** Waits for the events in Kafka, and finds each once, in this order. */
export async function delivered(broker: Machine, runIds: readonly string[]): Promise<void> {
  const records = await broker.sh(
    `/opt/kafka/bin/kafka-console-consumer.sh --bootstrap-server broker:19092 --topic input.runs --from-beginning --max-messages ${runIds.length} --timeout-ms 60000`,
  );
  assert.deepEqual(
    [...records.matchAll(/"runId": ?"(?<id>[^"]+)"/g)].map(({ groups }) => groups?.['id']),
    runIds,
  );
}
