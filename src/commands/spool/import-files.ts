/** One call of `http2kafka spool import`. It holds a few megabytes of lines in memory, whatever the size of the files. */
import type { Settings } from '../../config/schema/schema.ts';
import { importRecord } from '../../proxy/control/exported-record.ts';
import { errorText } from '../../support/error-text.ts';
import { sleep, systemTime } from '../../support/time.ts';
import type { CommandCall } from '../command.ts';
import { readLines } from '../events/event-files.ts';
import { ImportTarget, type ImportItem } from './import-target.ts';
import { eventsOf } from './spool-folder.ts';
import { SpoolIndex } from './spool-index.ts';

/** Limits of what is handed on at once. */
const BATCH_LINES = 500;
const BATCH_BYTES = 4 * 1024 * 1024;

/** Attempts for events that cannot be kept now, and the pause between them in milliseconds. */
const ATTEMPTS = 10;
const PAUSE_MS = 1000;

/** Broken lines in the output. */
const MAX_BROKEN = 1000;

interface PlacedItem extends ImportItem {
  /** `FILE:LINE`. */
  readonly place: string;
}

interface Broken {
  readonly place: string;
  readonly message: string;
}

/** An event cannot be kept. */
class NotKept extends Error {}

class Import {
  kafka = 0;
  spool = 0;
  /** Events that are in the spool already. */
  skipped = 0;
  broken = 0;
  readonly brokenLines: Broken[] = [];
  /** Why the import has ended before the end of the files. */
  stopped: string | undefined;
  readonly #target: ImportTarget;
  readonly #index: SpoolIndex | undefined;
  #batch: PlacedItem[] = [];
  #bytes = 0;

  constructor(target: ImportTarget, index: SpoolIndex | undefined) {
    this.#target = target;
    this.#index = index;
  }

  stop(): void {
    this.stopped ??= 'interrupted';
  }

  /** @throws when a file cannot be read, or the spool cannot be used. */
  async run(files: readonly string[]): Promise<void> {
    for (const file of files) {
      for await (const { line, bytes } of readLines(file)) {
        if (this.stopped !== undefined) break;
        await this.#add(`${file}:${line}`, bytes);
      }
    }
    await this.#flush();
  }

  async #add(place: string, bytes: Buffer): Promise<void> {
    try {
      const record = importRecord(bytes);
      if (this.#index?.has(record) === true) {
        this.skipped += 1;
        return;
      }
      this.#batch.push({ place, line: bytes, record });
    } catch (error) {
      this.#isBroken(place, errorText(error));
      return;
    }
    this.#bytes += bytes.length;
    if (this.#batch.length === BATCH_LINES || this.#bytes >= BATCH_BYTES) await this.#flush();
  }

  async #flush(): Promise<void> {
    let left = this.#batch;
    this.#batch = [];
    this.#bytes = 0;
    for (let attempt = 1; left.length > 0; attempt += 1) {
      const outcomes = await this.#target.take(left);
      const failed: PlacedItem[] = [];
      let reason = '';
      for (const [index, item] of left.entries()) {
        const { outcome, reason: why = '' } = outcomes[index] ?? { outcome: 'failed' as const };
        if (outcome === 'kafka') this.kafka += 1;
        else if (outcome === 'spool') this.spool += 1;
        else if (outcome === 'broken') this.#isBroken(item.place, why);
        else {
          failed.push(item);
          reason = why;
        }
      }
      left = failed;
      const [first] = failed;
      if (!first) return;
      if (attempt === ATTEMPTS || this.stopped !== undefined) {
        throw new NotKept(
          `${eventsOf(failed.length)} cannot be kept, the first one of ${first.place}: ${reason}`,
        );
      }
      await sleep(systemTime, PAUSE_MS);
    }
  }

  #isBroken(place: string, message: string): void {
    this.broken += 1;
    if (this.brokenLines.length < MAX_BROKEN) this.brokenLines.push({ place, message });
  }
}

/** Returns the exit code. */
export async function importFiles({ path, maxBytes }: Settings['spool'], call: CommandCall): Promise<number> {
  const index = call.options.has('--again') ? undefined : await SpoolIndex.read(path);
  if (index?.isCut === true) {
    console.error('The spool has so many events that not all which come twice are recognised.');
  }
  await using target = new ImportTarget(path, maxBytes);
  const running = new Import(target, index);
  const interrupt = () => running.stop();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    await running.run(call.args);
  } catch (error) {
    running.stopped = errorText(error);
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
  const { kafka, spool, skipped, broken, brokenLines, stopped } = running;
  if (call.options.has('--json')) {
    const result = { kafka, spool, skipped, broken, broken_lines: brokenLines, stopped: stopped ?? null };
    console.log(JSON.stringify(result));
  } else {
    for (const { place, message } of brokenLines) console.error(`${place}: ${message}`);
    if (broken > brokenLines.length) console.error(`… and ${broken - brokenLines.length} more broken lines`);
    console.log(
      `${kafka} in Kafka, ${spool} in the spool ${path}, ${skipped} in it already, ${broken} broken`,
    );
  }
  if (stopped !== undefined) {
    console.error(`Stopped: ${stopped}. Call the command again: events that are in the spool are left out.`);
  }
  return stopped === undefined && broken === 0 ? 0 : 1;
}
