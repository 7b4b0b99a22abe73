/**
 * What a sender sees of what the page remembers. Its own refusals tell it why its events do not arrive. Whether it may
 * see events of others is what the namespaces of the senders file say, and nothing else.
 */
import type { Sender, Way } from '../auth/sender.ts';
import type { Limits } from '../auth/senders.ts';
import { KEPT_VALID, type OutcomeRow } from './outcome-row.ts';
import type { Quality } from './quality-table.ts';
import type { RefusalGroup } from './refusal-groups.ts';
import type { SeenRun } from './run-table.ts';

/** What the page shows of outcomes. The watch has it for all senders. */
export interface Memory {
  readonly refusals: {
    /** The last one first. */
    readonly groups: readonly RefusalGroup[];
    readonly forgotten: number;
  };
  readonly runs: {
    readonly open: readonly SeenRun[];
    readonly failed: readonly SeenRun[];
    readonly forgotten: number;
  };
  readonly quality: {
    readonly all: readonly Quality[];
    /** False if senders may have sent events without a row here. */
    readonly isWhole: boolean;
  };
}

/** What a sender has caused. Both members are undefined for a client that is not recognised. */
interface Owned {
  readonly sender: string | undefined;
  readonly way: Way | undefined;
}

export class SenderScope {
  readonly #sender: Sender;
  readonly #limits: Pick<Limits, 'limited' | 'mayWriteTo'>;

  constructor(sender: Sender, limits: Pick<Limits, 'limited' | 'mayWriteTo'>) {
    this.#sender = sender;
    this.#limits = limits;
  }

  get sender(): string {
    return this.#sender.name;
  }

  /** True if it sees the events in its namespaces, of all senders. Otherwise it sees those that it has sent. */
  get hasNamespaces(): boolean {
    return this.#limits.limited;
  }

  /**
   * The namespace of an event that is refused, or is a dead letter, has not been held against the limits of its sender.
   * So it opens the row to no other one.
   */
  showsRow(row: OutcomeRow): boolean {
    return KEPT_VALID.has(row.outcome) ? this.#showsEvent(row) : this.#isOwn(row);
  }

  /** The part of the memory that it sees. Numbers of what is forgotten count all senders, so it sees none of them. */
  partOf({ refusals, runs, quality }: Memory): Memory {
    return {
      refusals: { groups: refusals.groups.filter((group) => this.#isOwn(group)), forgotten: 0 },
      runs: {
        open: runs.open.filter((run) => this.#showsEvent(run)),
        failed: runs.failed.filter((run) => this.#showsEvent(run)),
        forgotten: 0,
      },
      quality: { all: quality.all.filter((source) => this.#isOwn(source)), isWhole: quality.isWhole },
    };
  }

  #showsEvent(event: Owned & { readonly namespace: string | undefined }): boolean {
    return this.#limits.limited ? this.#limits.mayWriteTo(event.namespace ?? '') : this.#isOwn(event);
  }

  #isOwn({ sender, way }: Owned): boolean {
    return way === this.#sender.way && sender === this.#sender.name;
  }
}
