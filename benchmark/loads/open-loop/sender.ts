/**
 * A load whose requests begin at times that are fixed before, whether earlier ones are answered or not: as many
 * independent senders do. In a closed loop a slow answer delays the next request, and the delay is not measured
 * ("coordinated omission"). Here the time of an answer counts from the intended begin of its request.
 *
 * The requests are the mix. The gaps between them are random and exponential, the same ones for each contender. A request
 * takes a connection that is free, or opens one. With rate 0 it is a closed loop, which finds the highest rate.
 *
 * It runs in its own process, and prints its outcome as JSON:
 *
 *     node benchmark/loads/open-loop/sender.ts '{"url":"http://…","headers":{},"rate":1000,"warmUp":1,"seconds":3,"connections":256}'
 */
import { Value } from 'typebox/value';
import { mix } from '../bodies.ts';
import { Connection, type Intent } from './connection.ts';
import { Gaps, percentilesOf, Plan, type Outcome } from './plan.ts';

/** Milliseconds after the last request for answers to arrive. */
const PATIENCE_MS = 5000;

/** Most connections. A request for which there is none waits, which counts as its latency. */
const MOST_CONNECTIONS = 4000;

class Sender {
  readonly #plan: Plan;
  readonly #url: URL;
  readonly #requests: readonly Buffer[];
  readonly #gaps = new Gaps();
  readonly #countsFrom: number;
  readonly #endsAt: number;
  readonly #free: Connection[] = [];
  readonly #waiting: Intent[] = [];
  /** Milliseconds from the intended begin to the answer, and to the real begin. */
  readonly #times: number[] = [];
  readonly #delays: number[] = [];
  #taken = 0;
  #refused = 0;
  #broken = 0;
  #connections = 0;
  #inFlight = 0;
  #number = 0;

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#url = new URL(plan.url);
    this.#requests = requestsOf(plan);
    this.#countsFrom = performance.now() + plan.warmUp * 1000;
    this.#endsAt = this.#countsFrom + plan.seconds * 1000;
    for (let count = 0; count < plan.connections; count++) this.#open();
  }

  /** Resolves when all requests are answered, or are given up. */
  async run(): Promise<Outcome> {
    let at = performance.now();
    while (performance.now() < this.#endsAt) {
      // Timers have a resolution of one millisecond. To wait without one would use a core that the others need.
      await pause();
      if (this.#plan.rate === 0) continue;
      for (const now = Math.min(performance.now(), this.#endsAt); at <= now;) {
        this.#begin(this.#intentAt(at));
        at += (this.#gaps.next() * 1000) / this.#plan.rate;
      }
    }
    const givenUpAt = performance.now() + PATIENCE_MS;
    while (this.#unanswered > 0 && performance.now() < givenUpAt) await pause();
    return {
      taken: this.#taken,
      refused: this.#refused,
      broken: this.#broken + this.#unanswered,
      perSecond: this.#taken / this.#plan.seconds,
      connections: this.#connections,
      ...percentilesOf(this.#times),
      lateMs: percentilesOf(this.#delays).p99Ms,
    };
  }

  get #unanswered(): number {
    return this.#inFlight + this.#waiting.length;
  }

  #intentAt(at: number): Intent {
    this.#number += 1;
    return { number: this.#number, at };
  }

  #begin(intent: Intent): void {
    const connection = this.#free.pop();
    if (connection) {
      this.#send(connection, intent);
      return;
    }
    this.#waiting.push(intent);
    if (this.#connections < MOST_CONNECTIONS) this.#open();
  }

  #open(): void {
    this.#connections += 1;
    const done = (connection: Connection, status: number, intent: Intent | undefined) =>
      this.#ended(connection, status, intent);
    new Connection(this.#url, (connection) => this.#isFree(connection), done);
  }

  #isFree(connection: Connection): void {
    const now = performance.now();
    const isClosedLoop = this.#plan.rate === 0 && now < this.#endsAt;
    const intent = this.#waiting.shift() ?? (isClosedLoop ? this.#intentAt(now) : undefined);
    if (intent) this.#send(connection, intent);
    else this.#free.push(connection);
  }

  #send(connection: Connection, intent: Intent): void {
    this.#inFlight += 1;
    if (this.#isCounted(intent)) this.#delays.push(performance.now() - intent.at);
    connection.send(intent, this.#requests[intent.number % this.#requests.length] ?? Buffer.alloc(0));
  }

  #ended(connection: Connection, status: number, intent: Intent | undefined): void {
    if (intent) {
      this.#inFlight -= 1;
      if (this.#isCounted(intent)) this.#count(intent, status);
    }
    if (status !== 0) {
      this.#isFree(connection);
      return;
    }
    this.#connections -= 1;
    const index = this.#free.indexOf(connection);
    if (index >= 0) this.#free.splice(index, 1);
  }

  #count(intent: Intent, status: number): void {
    this.#times.push(performance.now() - intent.at);
    if (status === 0) this.#broken += 1;
    else if (status > 299) this.#refused += 1;
    else this.#taken += 1;
  }

  #isCounted({ at }: Intent): boolean {
    return at >= this.#countsFrom && at < this.#endsAt;
  }
}

function requestsOf({ url, headers }: Plan): Buffer[] {
  const { host, pathname } = new URL(url);
  const { bodies, headers: own } = mix();
  const lines = Object.entries({ Host: host, ...own, ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const head = `POST ${pathname} HTTP/1.1\r\n${lines.join('')}`;
  return bodies.map((body) =>
    Buffer.concat([Buffer.from(`${head}Content-Length: ${body.length}\r\n\r\n`), body]),
  );
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

if (import.meta.main) {
  const plan = Value.Parse(Plan, JSON.parse(process.argv[2] ?? ''));
  console.log(JSON.stringify(await new Sender(plan).run()));
  process.exit();
}
