/** An operator's decisions on the parked events of a spool that no proxy uses. The caller has its lock. */
import { Mark } from '../../spool/marks.ts';
import type { Spool } from '../../spool/spool.ts';
import type { SpooledEvent } from '../../spool/log-reader.ts';
import { decodeParked, type ParkedRecord } from './parked-record.ts';
import type { Decided, ParkedControl, Tell } from '../port.ts';

type Outcome = Pick<Decided, 'outcome' | 'reason'>;

export class StoppedParked implements ParkedControl {
  readonly #spool: Spool;

  /** The spool must have no limit of bytes: an event that moves is on disk twice for a moment. */
  constructor(spool: Spool) {
    this.#spool = spool;
  }

  /** Moves the events behind those in the spool of their topic: the next proxy sends them like these. */
  retry(ids: readonly string[], tell: Tell): Promise<void> {
    return this.#decide(ids, tell, (topic, { payload }, { arrivedAt }) =>
      this.#respool(topic, payload, arrivedAt),
    );
  }

  drop(ids: readonly string[], tell: Tell): Promise<void> {
    return this.#decide(ids, tell, () => Promise.resolve({ outcome: 'dropped' }));
  }

  async #decide(
    ids: readonly string[],
    tell: Tell,
    decision: (topic: string, parked: ParkedRecord, event: SpooledEvent) => Promise<Outcome>,
  ): Promise<void> {
    const wanted = new Set(ids);
    const unknown = new Set(ids);
    for (const topic of this.#spool.parkedTopics) {
      const log = this.#spool.parked(topic);
      for await (const event of log.scan()) {
        const parked = decodeParked(topic, event.payload, event.arrivedAt);
        const { id } = parked;
        if (!wanted.has(id)) continue;
        unknown.delete(id);
        const decided = await decision(topic, parked, event);
        if (decided.outcome !== 'parked') log.mark(event.place, Mark.delivered);
        if (!(await tell({ id, topic, ...decided }))) return;
      }
    }
    for (const id of unknown) if (!(await tell({ id, topic: undefined, outcome: 'unknown' }))) return;
  }

  #respool(topic: string, payload: Buffer, arrivedAt: number): Promise<Outcome> {
    return new Promise((resolve) => {
      this.#spool.log(topic).append({
        parts: [payload],
        arrivedAt,
        mark: Mark.kept,
        kept: () => resolve({ outcome: 'spool' }),
        failed: (reason) => resolve({ outcome: 'parked', reason }),
      });
    });
  }
}
