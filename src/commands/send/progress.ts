/** Shows how far a sending is: a bar on a terminal, else a line now and then. Both go to standard error. */
import type { SingleBar } from 'cli-progress';
import { systemTime, type Timer } from '../../support/time.ts';

export interface ProgressState {
  /** Bytes of the files that were read. */
  readonly read: number;
  /** Bytes of all files; undefined if it is not known, as of standard input. */
  readonly total: number | undefined;
  readonly kept: number;
  readonly refused: number;
  readonly retries: number;
}

const BAR_INTERVAL_MS = 200;
const LINE_INTERVAL_MS = 5000;

export class Progress {
  readonly #state: () => ProgressState;
  readonly #bar: SingleBar | undefined;
  readonly #timer: Timer;
  readonly #startedAt = systemTime.monotonic.now();

  private constructor(state: () => ProgressState, bar: SingleBar | undefined) {
    this.#state = state;
    this.#bar = bar;
    this.#timer = systemTime.setInterval(() => this.#show(), bar ? BAR_INTERVAL_MS : LINE_INTERVAL_MS);
  }

  static async start(state: () => ProgressState): Promise<Progress> {
    const { total } = state();
    if (!process.stderr.isTTY || total === undefined) return new Progress(state, undefined);
    const { default: progress } = await import('cli-progress');
    const bar = new progress.SingleBar({
      format: '{bar} {percentage} %  {kept} kept, {refused} refused, {rate}/s, {retries} retries',
      stream: process.stderr,
      barsize: 30,
      hideCursor: true,
    });
    bar.start(Math.max(1, total), 0, { kept: 0, refused: 0, rate: 0, retries: 0 });
    return new Progress(state, bar);
  }

  stop(): void {
    this.#timer[Symbol.dispose]();
    if (!this.#bar) return;
    this.#show();
    this.#bar.stop();
  }

  #show(): void {
    const { read, total, kept, refused, retries } = this.#state();
    const seconds = Math.max(0.001, (systemTime.monotonic.now() - this.#startedAt) / 1000);
    const rate = Math.round((kept + refused) / seconds);
    if (this.#bar) {
      this.#bar.update(read, { kept, refused, rate, retries });
      return;
    }
    const share = total === undefined || total === 0 ? '' : `${Math.floor((100 * read) / total)} % read, `;
    console.error(`${share}${kept} kept, ${refused} refused, ${rate}/s, ${retries} retries`);
  }
}
