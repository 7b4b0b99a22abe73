/** Where imported events go: to the running proxy, or to the folder of a spool that no proxy uses. */
import { encodeRecord, VERSION } from '../../delivery/spooled-record.ts';
import type { KafkaRecord } from '../../kafka/record.ts';
import { importThroughProxy, NoProxy } from '../../proxy/control/control-client.ts';
import type { ImportedLine } from '../../proxy/control/import-lines.ts';
import { SpoolInUse } from '../../spool/lock.ts';
import { Mark } from '../../spool/marks.ts';
import { Spool } from '../../spool/spool.ts';

/** A line of the import, and its event. */
export interface ImportItem {
  readonly line: Buffer;
  readonly record: KafkaRecord;
}

export type ImportOutcome = Omit<ImportedLine, 'line'>;

export class ImportTarget implements AsyncDisposable {
  readonly #path: string;
  readonly #maxBytes: number | undefined;
  /** Undefined as long as a proxy takes the events. */
  #spool: Spool | undefined;

  /** `maxBytes` is the limit of a spool that no proxy uses; undefined for the default. */
  constructor(path: string, maxBytes: number | undefined) {
    this.#path = path;
    this.#maxBytes = maxBytes;
  }

  /**
   * Has the events kept, in their order. Resolves with what has become of each, when it is in Kafka or synced to disk.
   * @throws if the proxy or the folder cannot be used, with a message for the user.
   */
  async take(items: readonly ImportItem[]): Promise<readonly ImportOutcome[]> {
    if (!this.#spool) {
      const outcomes = await this.#throughProxy(items);
      if (outcomes) return outcomes;
      this.#spool = await this.#open();
    }
    const spool = this.#spool;
    return Promise.all(items.map(({ record }) => append(spool, record)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#spool?.close();
  }

  /** Undefined if no proxy runs. */
  async #throughProxy(items: readonly ImportItem[]): Promise<readonly ImportOutcome[] | undefined> {
    const outcomes: ImportOutcome[] = [];
    try {
      const lines = items.map(({ line }) => line);
      for await (const { outcome, reason } of importThroughProxy(this.#path, lines)) {
        outcomes.push({ outcome, ...(reason !== undefined && { reason }) });
      }
    } catch (error) {
      if (error instanceof NoProxy) return undefined;
      throw error;
    }
    return outcomes;
  }

  async #open(): Promise<Spool> {
    const damage: string[] = [];
    try {
      return await Spool.open(
        { path: this.#path, maxBytes: this.#maxBytes, payloadVersion: VERSION },
        ({ path, reason }) => damage.push(`${path}: ${reason}`),
      );
    } catch (error) {
      if (!(error instanceof SpoolInUse)) throw error;
      throw new Error('a proxy uses the folder, and does not take commands there: see its log', {
        cause: error,
      });
    } finally {
      for (const one of damage) console.error(`${one} cannot be read`);
    }
  }
}

function append(spool: Spool, record: KafkaRecord): Promise<ImportOutcome> {
  const { topic, arrivedAt } = record;
  return new Promise((resolve) => {
    spool.log(topic).append({
      ...{ parts: encodeRecord(record), arrivedAt, mark: Mark.kept },
      kept: () => resolve({ outcome: 'spool' }),
      failed: (reason) => resolve({ outcome: 'failed', reason }),
    });
  });
}
