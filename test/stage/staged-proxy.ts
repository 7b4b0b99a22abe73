import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import { freePorts } from '../../tools/kafka/ports.ts';
import { readBatches, readRecords, type ReadBatch, type ReadRecord } from '../../tools/kafka/records.ts';
import { isUnknownTopic } from '../../tools/kafka/topics.ts';
import { Proxy, type ProxyExit, type ProxyOptions } from '../../tools/proxy.ts';
import { get, post, type Answer, type Sending } from './posting.ts';

/** The main topic of a proxy that is given no other. */
export const TOPIC = 'input.runs';

export interface StagedProxyOptions extends ProxyOptions {
  /** The main topic, by default `input.runs`. It need not exist. */
  readonly topic?: string;
}

/** A running proxy, a client that posts to it, and the topic that it writes to. */
export class StagedProxy extends Proxy {
  readonly topic: string;
  readonly #bootstrapServers: string;
  readonly #agent = new Agent({ keepAlive: true });

  private constructor(options: StagedProxyOptions, port: number, bootstrapServers: string) {
    const { topic, settings } = options;
    super({ ...options, settings: { ...(topic && { PRODUCER__MAIN_TOPIC: topic }), ...settings } }, port);
    this.topic = settings?.['PRODUCER__MAIN_TOPIC'] ?? topic ?? TOPIC;
    this.#bootstrapServers = bootstrapServers;
  }

  /**
   * Resolves when it listens, which may be before it has found its Kafka. Rejects with its log when it ends instead.
   * @param bootstrapServers where the test reads the topic. The proxy itself goes by its settings.
   */
  static async start(options: StagedProxyOptions, bootstrapServers: string): Promise<StagedProxy> {
    const [free = 0] = await freePorts(1);
    const proxy = new StagedProxy(options, options.port ?? free, bootstrapServers);
    await proxy.listening();
    return proxy;
  }

  /** Posts JSON over connections that stay open. For other types and for bare connections: `post()` of posting.ts. */
  post(body: Buffer | string, { headers, ...sending }: Sending = {}): Promise<Answer> {
    const json = { 'content-type': 'application/json', ...headers };
    return post(this, body, { agent: this.#agent, ...sending, headers: json });
  }

  get(path: string): Promise<Answer> {
    return get(this, path, { agent: this.#agent });
  }

  /**
   * Posts the bodies from so many senders at once. Each of them posts its next body after the answer to the one before.
   * @returns the answers in the order of the bodies.
   */
  async postAll(bodies: readonly (Buffer | string)[], senders: number): Promise<readonly Answer[]> {
    const answers: Answer[] = [];
    const rest = bodies.entries();
    const send = async () => {
      for (const [index, body] of rest) answers[index] = await this.post(body);
    };
    await Promise.all(Array.from({ length: senders }, send));
    return answers;
  }

  /** Every record of the topic. */
  records(topic: string = this.topic): Promise<ReadRecord[]> {
    return readRecords(this.#bootstrapServers, topic);
  }

  /** Every record of the topic; none while the topic does not exist. */
  recordsIfAny(topic: string = this.topic): Promise<ReadRecord[]> {
    return recordsIfAny(this.#bootstrapServers, topic);
  }

  /** For a topic with one partition. */
  async lastRecord(): Promise<ReadRecord> {
    return (await this.records()).at(-1) ?? assert.fail('the topic is empty');
  }

  batches(): Promise<ReadBatch[]> {
    return readBatches(this.#bootstrapServers, this.topic);
  }

  override stop(signal?: NodeJS.Signals): Promise<ProxyExit> {
    this.#agent.destroy();
    return super.stop(signal);
  }

  /** Ends it by `kill -9`. */
  async kill(): Promise<void> {
    await this.stop('SIGKILL');
  }
}

/** Every record of a topic; none while the topic does not exist. */
export async function recordsIfAny(bootstrapServers: string, topic: string): Promise<ReadRecord[]> {
  try {
    return await readRecords(bootstrapServers, topic);
  } catch (error) {
    if (isUnknownTopic(error)) return [];
    throw error;
  }
}
