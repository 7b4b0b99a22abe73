/** Takes events from requests: authenticates the sender, reads the body, passes it to the pipeline, and answers. */
import type { Authenticator } from '../../auth/authenticator.ts';
import type { Finding } from '../../auth/sender.ts';
import type { SendersWatch } from '../../auth/senders-watch.ts';
import { refusal, type Refusal } from '../../errors.ts';
import { fitErrors } from '../../openlineage/validation-error.ts';
import type { KnownSender } from '../../pipeline/arrival.ts';
import { areErrors } from '../../pipeline/refusal-facts.ts';
import { blockOf } from '../../support/memory/byte-pool.ts';
import { ClientGone, type Turns } from '../../support/turns.ts';
import type { Ingest } from '../../pipeline/ingest.ts';
import type { Observer } from '../../pipeline/observer.ts';
import type { Answers } from '../answer.ts';
import { isOfPage } from '../cors.ts';
import type { Exchange, HttpRequest } from '../exchange.ts';
import type { ExchangeHandler } from '../server.ts';
import { takeBatch } from './batch.ts';
import type { BatchRoom } from './batch-room.ts';
import type { BodyLimits } from './body-memory.ts';
import { readBody } from './body-reader.ts';

/** Recognises senders, and knows the limits of each. */
export interface SenderAuthentication {
  readonly authenticator: Authenticator;
  readonly senders: SendersWatch;
}

/** Requests with a wrong path whose sender is looked up at a time. The senders of further ones stay unknown. */
const MAX_RECOGNISING = 32;

const NO_ROOM = refusal('unavailable', 'Too many batches are being handled at once');

export class EventHandler implements ExchangeHandler {
  readonly #authentication: SenderAuthentication | undefined;
  readonly #limits: BodyLimits;
  readonly #batches: BatchRoom;
  readonly #ingest: Ingest;
  readonly #answers: Answers;
  readonly #observer: Observer;
  readonly #turns: Turns;
  #recognising = 0;

  /** If `authentication` is undefined, every client may send. */
  constructor(
    authentication: SenderAuthentication | undefined,
    limits: BodyLimits,
    batches: BatchRoom,
    ingest: Ingest,
    answers: Answers,
    observer: Observer,
    turns: Turns,
  ) {
    this.#authentication = authentication;
    this.#limits = limits;
    this.#batches = batches;
    this.#ingest = ingest;
    this.#answers = answers;
    this.#observer = observer;
    this.#turns = turns;
  }

  /** Takes one event or a batch, and answers. Never throws. */
  handle(exchange: Exchange, takes: 'event' | 'batch'): void {
    if (!this.#authentication) {
      this.#receive(exchange, takes);
      return;
    }
    const { headers, socket } = exchange.request;
    const found = this.#authentication.authenticator.find(headers.authorization, socket);
    // Synchronous for a sender that is already known: a promise would add one hundredth to the cost of an event.
    if (!(found instanceof Promise)) this.#admit(exchange, takes, found, this.#authentication.senders);
    else void this.#admitLater(exchange, takes, found, this.#authentication.senders);
  }

  /** The sender of a request that is refused for its path: so its owner hears of it. Undefined if it is not recognised. */
  async senderOf({
    headers,
    socket,
  }: Pick<HttpRequest, 'headers' | 'socket'>): Promise<KnownSender | undefined> {
    // A browser sends a certificate without asking its user, also for a page elsewhere.
    if (!this.#authentication || isOfPage(headers) || this.#recognising >= MAX_RECOGNISING) return undefined;
    const { authenticator, senders } = this.#authentication;
    this.#recognising += 1;
    try {
      const { sender } = await authenticator.find(headers.authorization, socket);
      return sender && { sender, limits: senders.senders.limitsOf(sender) };
    } finally {
      this.#recognising -= 1;
    }
  }

  async #admitLater(
    exchange: Exchange,
    takes: 'event' | 'batch',
    finding: Promise<Finding>,
    senders: SendersWatch,
  ): Promise<void> {
    try {
      this.#admit(exchange, takes, await finding, senders);
    } catch (error) {
      this.#answers.fail(exchange, error);
    }
  }

  #admit(exchange: Exchange, takes: 'event' | 'batch', finding: Finding, { senders }: SendersWatch): void {
    const { sender, rejection } = finding;
    if (sender) {
      exchange.known = { sender, limits: senders.limitsOf(sender) };
      this.#receive(exchange, takes);
      return;
    }
    this.#observer.notRecognised(exchange, rejection);
    this.#answers.refuse(exchange, rejection.refusal);
  }

  #receive(exchange: Exchange, takes: 'event' | 'batch'): void {
    // A callback: another promise for each event would add one hundredth to its cost.
    readBody(exchange, this.#limits, (body) => {
      if (Buffer.isBuffer(body)) {
        void this.#take(exchange, takes, body);
      } else {
        this.#answers.refuse(exchange, this.#ingest.refuseBody(exchange, body));
      }
    });
  }

  /**
   * Answers a kept event with 201 and the header `X-Delivery`: `kafka`, `spool` or `dead-letter`. One that a routing rule
   * drops is answered 200 with `dropped`.
   * A batch is answered 200, with the outcome of each event.
   */
  async #take(exchange: Exchange, takes: 'event' | 'batch', body: Buffer): Promise<void> {
    try {
      if (takes === 'batch') {
        await this.#takeBatch(exchange, body);
        return;
      }
      const ingested = await this.#ingest.take(exchange, body);
      if (ingested.kind === 'refused') this.#refuse(exchange, ingested.refusal);
      else if (ingested.kind === 'dropped') this.#answers.dropped(exchange, ingested.rule);
      else this.#answers.kept(exchange, ingested.kind);
    } catch (error) {
      // Otherwise the pipeline rejects only for a defect of http2kafka.
      if (!(error instanceof ClientGone)) this.#answers.fail(exchange, error);
    } finally {
      blockOf(body)?.unpin();
    }
  }

  async #takeBatch(exchange: Exchange, body: Buffer): Promise<void> {
    const leave = await this.#batches.enter(exchange, body);
    if (!leave) {
      this.#answers.refuse(exchange, this.#ingest.refuseBody(exchange, NO_ROOM));
      return;
    }
    try {
      const result = await takeBatch(body, exchange, this.#ingest, this.#observer, this.#turns);
      if (typeof result === 'string') this.#answers.json(exchange, 200, result);
      else this.#refuse(exchange, result);
    } finally {
      // Not when the client has read the answer: that memory counts by itself.
      leave();
    }
  }

  /** The errors of an event are shortened, so that the answer stays below 64 KiB. */
  #refuse(exchange: Exchange, refusal: Refusal): void {
    const { details } = refusal;
    const reason = areErrors(details) ? { ...refusal, details: fitErrors(details) } : refusal;
    this.#answers.refuse(exchange, reason);
  }
}
