/** Holds the senders of the file. It reads the file at the start, and again when it changes. */
import type { Logger } from '../log.ts';
import { errorText } from '../support/error-text.ts';
import { NO_END_MARK, watchFiles } from '../support/file-watch.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { readSenders } from './senders-file.ts';
import { Quotas, Senders } from './senders.ts';

const INVALID = 'the senders file is invalid: the last valid version stays in use';

export class SendersWatch {
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #path: string | undefined;
  readonly #stop: () => void;
  /** A sender over its quota stays so when the file is read again. */
  readonly #quotas = new Quotas();
  #senders: Senders;
  #hasEndMark: boolean;
  #problem: string | undefined;

  /**
   * Without a path there are no API keys and no limits.
   * @throws when the file cannot be read or is invalid.
   */
  constructor(path: string | undefined, metrics: Metrics, log: Logger) {
    this.#metrics = metrics;
    this.#log = log;
    this.#path = path;
    this.#stop = path === undefined ? () => undefined : watchFiles([path], () => this.#changed());
    const read = path === undefined ? { entries: [], hasEndMark: false } : readSenders(path);
    this.#senders = new Senders(read.entries, this.#quotas);
    this.#hasEndMark = read.hasEndMark;
  }

  /** Of the last valid version of the file. */
  get senders(): Senders {
    return this.#senders;
  }

  /** Set while the current file is invalid. Names no path and no content: the log says what is wrong. */
  get problem(): string | undefined {
    return this.#problem;
  }

  close(): void {
    this.#stop();
  }

  /** Reads the file now. Returns false if it is invalid; then the log says why. */
  reload(): boolean {
    const path = this.#path;
    if (path === undefined) return true;
    try {
      const { entries, hasEndMark } = readSenders(path);
      // A file that is written in its place may be valid before it is whole: then its last senders or their limits are missing.
      if (this.#hasEndMark && !hasEndMark) throw new Error(NO_END_MARK);
      this.#senders = new Senders(entries, this.#quotas);
      this.#hasEndMark = hasEndMark;
      this.#problem = undefined;
    } catch (error) {
      this.#problem = `${INVALID}; see the log`;
      this.#log.error({ file: path }, `${INVALID}: ${errorText(error)}`);
    }
    this.#metrics.sendersFileGood.set(this.#problem === undefined ? 1 : 0);
    return this.#problem === undefined;
  }

  #changed(): void {
    if (this.reload()) {
      this.#log.info({ file: this.#path }, 'the senders file has changed and was read again');
    }
  }
}
