/** What all processes of a day have sent. */
import type { ProxyProcess } from '../proxy-process.ts';
import { isNeverTaken, nameOf, type BatchName, type Sending } from './sendings.ts';

/** The sendings of all processes, by batch and by event. */
export class SendingIndex {
  readonly #processes: readonly ProxyProcess[];
  readonly #byBatch = new Map<string, Sending[]>();
  readonly #byEvent = new Map<string, Sending[]>();

  constructor(processes: readonly ProxyProcess[]) {
    this.#processes = processes;
    for (const { client, number } of processes) {
      for (const sending of client.sendings) {
        added(this.#byBatch, nameOf(sending), sending);
        for (const id of sending.requestIds) added(this.#byEvent, `${number} ${id}`, sending);
      }
    }
  }

  processOf({ producerId }: BatchName): ProxyProcess | undefined {
    return this.#processes.find(({ client }) => client.producerIds.has(producerId));
  }

  of(batch: string): readonly Sending[] {
    return this.#byBatch.get(batch) ?? [];
  }

  /** Has the process heard that the topic never takes this event? */
  isRefused(process: ProxyProcess, id: string): boolean {
    return this.with(process, id).some(
      (one) => one.culprits.includes(id) || (one.requestIds.length === 1 && isNeverTaken(one)),
    );
  }

  /** What a process has sent of an event, the first is the first. */
  with({ number }: ProxyProcess, id: string): readonly Sending[] {
    return this.#byEvent.get(`${number} ${id}`) ?? [];
  }
}

function added(all: Map<string, Sending[]>, name: string, sending: Sending): void {
  const some = all.get(name);
  if (some) some.push(sending);
  else all.set(name, [sending]);
}
