import { startBroker, type Broker } from '../kafka/broker.ts';

/** What trials share, started when the first one needs it. */
export class Stage {
  /** A folder of events (JSON files, one event a file), beside those of the project. */
  readonly events: string | undefined;
  #broker: Promise<Broker> | undefined;

  constructor(events: string | undefined) {
    this.events = events;
  }

  /** A Kafka, which a trial may stop and must start again. */
  broker(): Promise<Broker> {
    this.#broker ??= startBroker();
    return this.#broker;
  }

  async stop(): Promise<void> {
    await (await this.#broker)?.stop({ limitMs: 0 });
  }
}
