/** Keeps the senders as their file has them: read at the start, and again when it changes. */
import type { Logger } from 'pino';
import { watchFiles } from '../support/file-watch.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { readSendersFile } from './senders-file.ts';
import { Senders } from './senders.ts';

const NOT_RIGHT = 'the file of senders is not right, the last good one stays in use';

export class SendersWatch {
  readonly #metrics: Metrics;
  readonly #log: Logger;
  readonly #stop: () => void;
  #senders: Senders;
  #problem: string | undefined;

  /**
   * Without a path nobody has an API key, and nobody is limited.
   * @throws when the file cannot be read or is not right.
   */
  constructor(path: string | undefined, metrics: Metrics, log: Logger) {
    this.#metrics = metrics;
    this.#log = log;
    this.#stop = path === undefined ? () => undefined : watchFiles([path], () => this.#reload(path));
    this.#senders = new Senders(path === undefined ? [] : readSendersFile(path));
  }

  /** As the file was when it was last right. */
  get senders(): Senders {
    return this.#senders;
  }

  /** That something is wrong with the file as it is now, in words for everybody: the log says what. */
  get problem(): string | undefined {
    return this.#problem;
  }

  close(): void {
    this.#stop();
  }

  #reload(path: string): void {
    try {
      this.#senders = new Senders(readSendersFile(path));
      this.#problem = undefined;
      this.#log.info({ path }, 'the file of senders has changed and was read again');
    } catch (error) {
      this.#problem = `${NOT_RIGHT}; the log says what is wrong`;
      this.#log.error({ path }, `${NOT_RIGHT}: ${error instanceof Error ? error.message : String(error)}`);
    }
    this.#metrics.sendersFileGood.set(this.#problem === undefined ? 1 : 0);
  }
}
