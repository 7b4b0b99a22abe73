/** Restarts two replicas behind a load balancer under a client that never tries again, and stops Kafka to see the order afterwards. */
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryFolder } from '../../kafka/folders.ts';
import { freePorts } from '../../kafka/ports.ts';
import { startProxy, type Proxy } from '../../proxy.ts';
import { documentedBlock } from '../documented-blocks.ts';
import { runToEnd } from '../processes.ts';
import type { Stage } from '../stage.ts';
import type { Outcome, Trial } from '../trial.ts';
import { awaitOutage, awaitRecords } from '../topic.ts';
import { disorderedRuns, STATES } from './order.ts';
import { haproxy, install, nginx, start, versionOf, type LoadBalancer } from './servers.ts';

const EVENTS = 1000;
const RATE = 50;
const RUNS = 100;
/** Client addresses, all of the loopback network, far enough apart that hashes of them spread. */
const ADDRESSES = 16;
const addressOf = (index: number) => `127.${index + 1}.${(index * 37) % 256}.${((index * 101) % 250) + 2}`;
const PAUSE_MS = 2000;
const LIMIT_MS = 300_000;

export const loadBalancers: readonly Trial[] = [haproxy, nginx].map((balancer) => ({
  name: balancer.name,
  group: 'load-balancers',
  label: balancer.name,
  version: () => versionOf(balancer),
  install: () => install(balancer),
  run: (stage) => tryBalancer(balancer, stage),
}));

async function tryBalancer(balancer: LoadBalancer, stage: Stage): Promise<Outcome> {
  const broker = await stage.broker();
  const topic = `compat.${balancer.name}.${Date.now()}`;
  const [front = 0, one = 0, two = 0] = await freePorts(3);
  const startReplica = (port: number, spool: string) =>
    startProxy({
      port,
      settings: {
        KAFKA__BOOTSTRAP_SERVERS: broker.bootstrapServers,
        PRODUCER__MAIN_TOPIC: topic,
        SPOOL__PATH: spool,
      },
    });
  const replicas = [new Replica(one, startReplica), new Replica(two, startReplica)];
  for (const replica of replicas) await replica.start();
  const stop = await start(balancer, { front, one, two });
  const url = `http://127.0.0.1:${front}`;
  try {
    await answers(url);
    const { taken, lost, restarts } = await restartUnderLoad(url, replicas);
    const records = await awaitRecords(broker, topic, taken);
    const distinct = new Set(records.map(({ value }) => value?.toString())).size;
    const problems: string[] = [];
    if (lost !== 'none') problems.push(`lost: ${lost}`);
    if (restarts < replicas.length) problems.push(`only ${restarts} restarts`);
    if (distinct !== taken || records.length !== taken)
      problems.push(`${taken} answered by 201, ${records.length} records, ${distinct} different`);

    // The load balancer's checks must have found both replicas after the last restart.
    await sleep(PAUSE_MS);
    await broker.kill();
    for (const replica of replicas) await awaitOutage(replica.proxy);
    const shares = await sendRuns(url, replicas);
    if (shares.includes(0)) problems.push('one replica got no event, so the order says nothing');
    await broker.start();
    const all = await awaitRecords(broker, topic, records.length + RUNS * STATES.length);
    const disordered = disorderedRuns(all.map(({ value }) => value?.toString() ?? ''));
    if (disordered > 0) problems.push(`${disordered} runs out of order`);
    if (all.length !== records.length + RUNS * STATES.length)
      problems.push(`${all.length - records.length} records of the outage`);
    return {
      ok: problems.length === 0,
      problems,
      cells: {
        'lost in rolling restarts': lost === 'none' ? `0 of ${EVENTS}, ${restarts} restarts` : lost,
        'in Kafka': `${distinct}`,
        'runs out of order after an outage': `${disordered} of ${RUNS}`,
        'events of each replica': shares.join(' and '),
      },
    };
  } finally {
    if (!broker.running) await broker.start();
    await stop();
    for (const { proxy } of replicas) await proxy?.stop();
  }
}

/** A proxy that starts again on its port and its spool. */
class Replica {
  proxy: Proxy | undefined;
  readonly #start: (port: number, spool: string) => Promise<Proxy>;
  readonly #port: number;
  readonly #spool = temporaryFolder('http2kafka-spool-');

  constructor(port: number, start: (port: number, spool: string) => Promise<Proxy>) {
    this.#port = port;
    this.#start = start;
  }

  async start(): Promise<void> {
    this.proxy = await this.#start(this.#port, this.#spool);
    await this.proxy.ready();
  }

  async restart(): Promise<void> {
    await this.proxy?.stop('SIGTERM');
    await this.start();
  }

  /** Events that it has answered since its start. */
  async events(): Promise<number> {
    const response = await fetch(`${this.proxy?.url ?? ''}/monitoring/metrics`, {
      headers: { connection: 'close' },
    });
    const lines = (await response.text())
      .split('\n')
      .filter((line) => /^http2kafka_events_total[{ ]/.test(line));
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }
}

/** Waits until a replica answers through the load balancer. */
async function answers(url: string): Promise<void> {
  for (;;) {
    const ready = await fetch(`${url}/monitoring/ready`, { headers: { connection: 'close' } }).catch(
      () => undefined,
    );
    if (ready?.ok === true) return;
    await sleep(100);
  }
}

/** Runs the client of the page, and restarts the replicas in turn until it has ended. */
async function restartUnderLoad(
  url: string,
  replicas: readonly Replica[],
): Promise<{ taken: number; lost: string; restarts: number }> {
  const program = join(temporaryFolder('http2kafka-compat-send-'), 'send.mjs');
  writeFileSync(
    program,
    documentedBlock('load-balancer.md', 'Lost events in a rolling restart, as measured', 'js'),
  );
  const client = runToEnd({ command: [process.execPath, program, url, `${EVENTS}`, `${RATE}`] }, LIMIT_MS);
  let restarts = 0;
  do {
    await replicas[restarts % replicas.length]?.restart();
    restarts += 1;
  } while ((await Promise.race([client, sleep(PAUSE_MS)])) === undefined);
  const { stdout, stderr } = await client;
  const counts = [...stdout.matchAll(/'?(\w+)'?: (\d+)/g)].map(([, answer = '', count]) => ({
    answer,
    count: Number(count),
  }));
  const taken = counts.find(({ answer }) => answer === '201')?.count ?? 0;
  const others = counts
    .filter(({ answer }) => answer !== '201')
    .map(({ answer, count }) => `${count} (${answer})`);
  const lost = taken === EVENTS ? 'none' : others.join(', ') || stderr.slice(0, 200);
  return { taken, lost, restarts };
}

/** Sends runs from several addresses, each event after the answer to the one before. Gives how many events each replica got. */
async function sendRuns(url: string, replicas: readonly Replica[]): Promise<readonly number[]> {
  const before = await Promise.all(replicas.map((replica) => replica.events()));
  const runs = Array.from({ length: RUNS }, (_, number) => number);
  const workers = Array.from({ length: ADDRESSES }, async (_, address) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (const number of runs.filter((run) => run % ADDRESSES === address)) {
      const runId = randomUUID();
      for (const state of STATES) await post(url, agent, addressOf(address), eventOf(state, runId, number));
    }
    agent.destroy();
  });
  await Promise.all(workers);
  const after = await Promise.all(replicas.map((replica) => replica.events()));
  return after.map((count, index) => count - (before[index] ?? 0));
}

function post(url: string, agent: Agent, localAddress: string, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const sent = request(
      `${url}/api/v1/lineage`,
      { method: 'POST', agent, localAddress, headers },
      (response) => {
        response.resume().on('end', resolve);
        if (response.statusCode !== 201)
          reject(new Error(`the load balancer answered ${response.statusCode ?? 0}`));
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

function eventOf(eventType: string, runId: string, number: number): string {
  return JSON.stringify({
    eventType,
    eventTime: new Date().toISOString(),
    producer: 'https://example.org/compat',
    schemaURL: 'https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent',
    run: { runId },
    job: { namespace: 'order', name: `run-${number}` },
  });
}
