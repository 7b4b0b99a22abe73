/** Asks the brokers: can each be reached and logged in to, and does it take the records of the proxy? */
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import type { Settings } from '../../config/schema/schema.ts';
import { BrokerError } from '../../kafka/broker-error.ts';
import { BrokerInquiry, type ClusterState } from '../../kafka/cluster/broker-inquiry.ts';
import { explained } from '../../kafka/error-code.ts';
import { openGssapi } from '../../proxy/core.ts';
import { kafkaSecurity } from '../../proxy/core-settings.ts';
import { errorText } from '../../support/error-text.ts';
import { reasonOf, type Report } from './finding.ts';
import { topicsOfRules } from './routing-check.ts';
import { checkTopic, type AskedTopic } from './topic-check.ts';

/** Most milliseconds for a connection with its login, and for one answer. */
const CONNECT_MS = 3000;
const ANSWER_MS = 3000;

/** For a producer id, while its coordinator starts. */
const PRODUCER_ID_TRIES = 8;
const PRODUCER_ID_PAUSE_MS = 300;

const SERVERS = 'kafka.bootstrap_servers';

/** Reports what the brokers say. With `create` it makes the topics that are missing. */
export async function checkKafka(settings: Settings, create: boolean, report: Report): Promise<void> {
  const { kafka } = settings;
  if (kafka.bootstrapServers.length === 0) {
    report({
      severity: 'error',
      place: SERVERS,
      message: 'no broker is configured: events stay in the spool',
      advice: 'Name the brokers, with --bootstrap-servers for example.',
    });
    return;
  }
  const gssapi = await openGssapi(settings, pino({ enabled: false }));
  const inquiry = new BrokerInquiry({
    clientId: kafka.clientId,
    connectTimeoutMs: Math.min(CONNECT_MS, kafka.connectTimeoutMs),
    requestTimeoutMs: ANSWER_MS,
    security: kafkaSecurity(settings),
    gssapi: gssapi?.authenticate,
  });
  try {
    await askBrokers(inquiry, settings, create, report);
  } finally {
    await inquiry.close();
    await gssapi?.close();
  }
}

async function askBrokers(
  inquiry: BrokerInquiry,
  settings: Settings,
  create: boolean,
  report: Report,
): Promise<void> {
  const { mainTopic, malformedTopic } = settings.producer;
  const topics: readonly AskedTopic[] = [
    { place: 'producer.main_topic', name: mainTopic },
    { place: 'producer.malformed_topic', name: malformedTopic },
    ...topicsOfRules(settings).filter(({ name }) => name !== mainTopic),
  ];
  const names = topics.map(({ name }) => name);
  const first = await askBootstrapServers(inquiry, settings, names, report);
  if (!first) return;
  const { cluster } = first;
  const addresses = await reachableBrokers(inquiry, cluster, report);
  const [address = first.address] = addresses;
  await reportProducerId(inquiry, address, report);
  for (const topic of topics) {
    await checkTopic(topic, { inquiry, address, cluster, create }, settings, report);
  }
}

interface FirstAnswer {
  readonly address: string;
  readonly cluster: ClusterState;
}

/** The first answer of all; undefined if none of them answers. */
async function askBootstrapServers(
  inquiry: BrokerInquiry,
  { kafka: { bootstrapServers, security } }: Settings,
  topics: readonly string[],
  report: Report,
): Promise<FirstAnswer | undefined> {
  const answers = await Promise.all(
    bootstrapServers.map(async (address) => {
      try {
        return { address, cluster: await inquiry.cluster(address, topics) };
      } catch (error) {
        return { address, error };
      }
    }),
  );
  const good = answers.find((answer): answer is FirstAnswer => 'cluster' in answer);
  for (const answer of answers) {
    if (!('error' in answer)) continue;
    report({
      severity: good ? 'warning' : 'error',
      place: SERVERS,
      message: `${answer.address}: ${reasonOf(answer.error)}`,
      advice: good
        ? 'Other brokers answer. Correct or remove the address: the proxy needs it when they are down.'
        : adviceFor(answer.error),
    });
  }
  if (good) {
    const login = security.type === 'none' ? 'without a login' : `and takes the login (${security.type})`;
    report({ severity: 'ok', place: SERVERS, message: `${good.address} answers ${login}` });
  }
  return good;
}

/** The proxy sends its records to the advertised address of each leader, not to the bootstrap servers. */
async function reachableBrokers(
  inquiry: BrokerInquiry,
  { brokers }: ClusterState,
  report: Report,
): Promise<readonly string[]> {
  const asked = await Promise.all(
    [...brokers].map(async ([nodeId, address]) => {
      try {
        await inquiry.cluster(address, []);
        return address;
      } catch (error) {
        report({
          severity: 'error',
          place: SERVERS,
          message: `broker ${nodeId} advertises ${address}, and does not answer there: ${reasonOf(error)}`,
          advice:
            'Its advertised.listeners must have an address that this machine reaches. Or the broker is down.',
        });
        return undefined;
      }
    }),
  );
  const reachable = asked.filter((address) => address !== undefined);
  if (reachable.length > 0) {
    report({
      severity: 'ok',
      place: SERVERS,
      message: `${reachable.length} of ${brokers.size} brokers answer at the addresses that they advertise: ${reachable.join(', ')}`,
    });
  }
  return reachable;
}

/** A coordinator that starts says so for a moment. */
async function reportProducerId(inquiry: BrokerInquiry, address: string, report: Report): Promise<void> {
  let error = await inquiry.producerIdError(address);
  for (let tries = 1; tries < PRODUCER_ID_TRIES && error?.startsWith('COORDINATOR_') === true; tries += 1) {
    await sleep(PRODUCER_ID_PAUSE_MS);
    error = await inquiry.producerIdError(address);
  }
  if (error === undefined) return;
  report({
    severity: 'error',
    place: SERVERS,
    message: `the proxy gets no producer id, which it needs to write: ${explained(error)}`,
  });
}

function adviceFor(error: unknown): string | undefined {
  if (error instanceof BrokerError && error.problem !== undefined) return undefined;
  const text = errorText(error);
  if (/ENOTFOUND|EAI_AGAIN/.test(text)) return 'Check the name, and whether this machine can resolve it.';
  if (text.includes('ECONNREFUSED')) return 'Check the port, and whether the broker runs.';
  return 'Check the address, the port, and firewalls between this machine and the broker.';
}
