import { Agent, request, type OutgoingHttpHeaders } from 'node:http';

/** A sender that posts one event after the other until it is stopped. */
export class GoodSender {
  /** How many events Kafka has acknowledged. */
  taken = 0;
  readonly #url: string;
  readonly #headers: OutgoingHttpHeaders;
  readonly #event: Buffer;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #times: number[] = [];
  #stopped = false;
  readonly #ended: Promise<void>;

  /** Starts at once. */
  constructor(url: string, key: string, event: Buffer) {
    this.#url = url;
    this.#headers = { authorization: `Bearer ${key}`, 'content-length': event.length };
    this.#event = event;
    this.#ended = this.#run();
  }

  /** Milliseconds from each request to its answer, in ascending order. */
  async stop(): Promise<readonly number[]> {
    this.#stopped = true;
    await this.#ended;
    this.#agent.destroy();
    return this.#times.sort((a, b) => a - b);
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const startedAt = performance.now();
      if (await this.#post()) this.taken += 1;
      this.#times.push(performance.now() - startedAt);
    }
  }

  /** Resolves to true if Kafka has acknowledged the event. */
  #post(): Promise<boolean> {
    const options = { method: 'POST', headers: this.#headers, agent: this.#agent };
    return new Promise((resolve, reject) => {
      const outgoing = request(this.#url, options, (answer) => {
        answer.resume().on('end', () => resolve(answer.headers['x-delivery'] === 'kafka'));
      });
      outgoing.on('error', reject).end(this.#event);
    });
  }
}
