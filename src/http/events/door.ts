/** Lets in whoever may send: events are taken of known senders only, and answered 401 else. */
import type { Logger } from 'pino';
import type { Authenticator } from '../../auth/authenticator.ts';
import type { Finding } from '../../auth/sender.ts';
import type { SendersWatch } from '../../auth/senders-watch.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import type { Answers } from '../answer.ts';
import type { Exchange } from '../exchange.ts';
import { RefusalLog } from '../refusal-log.ts';
import type { EventHandler } from '../server.ts';

/** Who recognises senders, and who knows what each may do. */
export interface Doorkeepers {
  readonly authenticator: Authenticator;
  readonly senders: SendersWatch;
}

export class Door {
  readonly #authenticator: Authenticator;
  readonly #senders: SendersWatch;
  readonly #answers: Answers;
  readonly #metrics: Metrics;
  readonly #refusals: RefusalLog;

  constructor({ authenticator, senders }: Doorkeepers, answers: Answers, metrics: Metrics, log: Logger) {
    this.#authenticator = authenticator;
    this.#senders = senders;
    this.#answers = answers;
    this.#metrics = metrics;
    this.#refusals = new RefusalLog(log);
  }

  /** A handler that is called for known senders only. */
  guard(handler: EventHandler): EventHandler {
    return (exchange) => {
      const found = this.#authenticator.find(exchange.request);
      // At once for whoever has been here before: a promise would cost each event a hundredth more.
      if (!(found instanceof Promise)) this.#admit(exchange, found, handler);
      else {
        found
          .then((later) => this.#admit(exchange, later, handler))
          .catch((error: unknown) => this.#answers.fail(exchange, error));
      }
    };
  }

  #admit(exchange: Exchange, { sender, rejection }: Finding, handler: EventHandler): void {
    if (sender) {
      exchange.known = { sender, limits: this.#senders.senders.limitsOf(sender) };
      handler(exchange);
      return;
    }
    const { reason, refusal } = rejection;
    this.#metrics.authenticationFailures.inc(reason);
    this.#metrics.events.inc('unknown', refusal.code);
    const { message, details } = refusal;
    const why = typeof details === 'string' ? `${message}: ${details}` : message;
    this.#refusals.warnNowAndThen(exchange, refusal, `sender not recognised: ${why}`);
    this.#answers.refuse(exchange, refusal);
  }
}
