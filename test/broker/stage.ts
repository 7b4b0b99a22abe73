import assert from 'node:assert/strict';
import { Agent, request, type IncomingHttpHeaders } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before } from 'node:test';
import { startBroker, type Broker, type BrokerOptions } from '../../tools/kafka/broker.ts';
import { readBatches, readRecords, type ReadBatch, type ReadRecord } from '../../tools/kafka/records.ts';
import { createTopic, endOffsets, isUnknownTopic, type NewTopic } from '../../tools/kafka/topics.ts';
import { startProxy, type Proxy } from '../../tools/proxy.ts';
import { logged } from '../stage/log-lines.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Post {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Fails unless Kafka has acknowledged the event. */
export function created({ status, body }: Answer): void {
  assert.deepEqual({ status, body }, { status: 201, body: '' });
}

/** Fails unless the event is on disk. */
export function spooled({ status, body }: Answer): void {
  assert.deepEqual({ status, body }, { status: 202, body: '' });
}

/** Fails unless the event is in Kafka or on disk. */
export function accepted({ status, body }: Answer): void {
  assert.ok(status === 201 || status === 202, `${status}: ${body}`);
  assert.equal(body, '');
}

/** A broker for the tests of one suite; to be called in the suite's function. */
export function useBroker(options: BrokerOptions = {}): Stage {
  const stage = new Stage();
  before(() => stage.start(options));
  after(() => stage.stop());
  return stage;
}

/** A broker, and the proxies that the tests put in front of it. */
export class Stage {
  #broker: Broker | undefined;
  readonly #proxies: TopicProxy[] = [];

  get broker(): Broker {
    if (!this.#broker) throw new Error('the broker has not been started');
    return this.#broker;
  }

  async start(options: BrokerOptions): Promise<void> {
    this.#broker = await startBroker(options);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.stop()));
    await this.#broker?.stop({ limitMs: 0 });
  }

  /** A topic and a proxy that writes to it and is ready. */
  async proxy(topic: NewTopic, settings: Readonly<Record<string, string>> = {}): Promise<TopicProxy> {
    const { bootstrapServers } = this.broker;
    await createTopic(bootstrapServers, topic);
    // A leader that all know of may need a moment more until it takes records.
    await endOffsets(bootstrapServers, topic.name);
    const proxy = await this.proxyTo(topic.name, settings);
    const problem = await proxy.process.ready();
    if (problem !== undefined) throw new Error(problem);
    // It has a producer id, too.
    await logged(proxy.process, 'Kafka can be written to');
    return proxy;
  }

  /** A proxy that writes to a topic, which may not be there. */
  async proxyTo(topic: string, settings: Readonly<Record<string, string>> = {}): Promise<TopicProxy> {
    const { bootstrapServers } = this.broker;
    // A machine that is busy with other tests may take longer than the second that Kafka is given.
    const patience = { SPOOL__AFTER: '20s' };
    const process = await startProxy({
      settings: {
        ...patience,
        KAFKA__BOOTSTRAP_SERVERS: bootstrapServers,
        PRODUCER__MAIN_TOPIC: topic,
        ...settings,
      },
    });
    const proxy = new TopicProxy(process, bootstrapServers, topic);
    this.#proxies.push(proxy);
    return proxy;
  }
}

/** A proxy, its senders and its topic. */
export class TopicProxy {
  readonly process: Proxy;
  readonly topic: string;
  readonly #bootstrapServers: string;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(process: Proxy, bootstrapServers: string, topic: string) {
    this.process = process;
    this.topic = topic;
    this.#bootstrapServers = bootstrapServers;
  }

  post(body: Buffer | string, { path = '/api/v1/lineage', headers = {} }: Post = {}): Promise<Answer> {
    const json = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) };
    return this.#exchange('POST', path, { ...json, ...headers }, body);
  }

  get(path: string): Promise<Answer> {
    return this.#exchange('GET', path, {}, '');
  }

  /** Posts the bodies as so many senders, each of which posts its next one after the answer; in the order of the bodies. */
  async postAll(bodies: readonly (Buffer | string)[], senders: number): Promise<readonly Answer[]> {
    const answers: Answer[] = [];
    const rest = bodies.entries();
    const send = async () => {
      for (const [index, body] of rest) answers[index] = await this.post(body);
    };
    await Promise.all(Array.from({ length: senders }, send));
    return answers;
  }

  /** All that is in the topic. */
  records(topic: string = this.topic): Promise<ReadRecord[]> {
    return readRecords(this.#bootstrapServers, topic);
  }

  /** The same; nothing when there is no such topic yet. */
  recordsIfAny(topic: string = this.topic): Promise<ReadRecord[]> {
    return this.records(topic).catch((error: unknown) => {
      if (isUnknownTopic(error)) return [];
      throw error;
    });
  }

  /** For a topic with one partition. */
  async lastRecord(): Promise<ReadRecord> {
    return (await this.records()).at(-1) ?? assert.fail('the topic is empty');
  }

  batches(): Promise<ReadBatch[]> {
    return readBatches(this.#bootstrapServers, this.topic);
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    await this.process.stop();
  }

  /** Ends it by `kill -9`. */
  async kill(): Promise<void> {
    this.#agent.destroy();
    await this.process.stop('SIGKILL');
  }

  #exchange(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body: Buffer | string,
  ): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const options = { method, path, headers, port: this.process.port, host: '127.0.0.1', agent: this.#agent };
    const outgoing = request(options, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      incoming.on('error', reject);
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text }),
      );
    });
    outgoing.on('error', reject).end(body);
    return promise;
  }
}

const LIMIT_MS = 20_000;

/** Does the same again until it gives what is wanted, and gives that. Fails when that does not come for long. */
export async function until<Result>(
  attempt: () => Promise<Result>,
  isWanted: (result: Result) => boolean,
): Promise<Result> {
  const end = performance.now() + LIMIT_MS;
  for (;;) {
    const result = await attempt();
    if (isWanted(result)) return result;
    if (performance.now() > end)
      throw new Error(`What was waited for did not come, only ${JSON.stringify(result)}`);
    await sleep(50);
  }
}
