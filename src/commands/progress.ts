/** Shows how far a command is: a bar on a terminal, else a line now and then. Both go to standard error. */
import type { SingleBar } from 'cli-progress';
import { systemTime, type Timer } from '../support/time.ts';

export interface ProgressState {
  /** How much is done, in any unit. */
  readonly done: number;
  /** How much there is to do; undefined if it is not known, as of standard input. */
  readonly total: number | undefined;
  /** What `done` is: `read`. */
  readonly word: string;
  /** Events that have ended, for the rate. */
  readonly ended: number;
  /** What became of them. The rate is in events a second. */
  readonly text: (rate: number) => string;
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
      format: '{bar} {percentage} %  {text}',
      stream: process.stderr,
      barsize: 30,
      hideCursor: true,
    });
    bar.start(Math.max(1, total), 0, { text: '' });
    return new Progress(state, bar);
  }

  stop(): void {
    this.#timer[Symbol.dispose]();
    if (!this.#bar) return;
    this.#show();
    this.#bar.stop();
  }

  #show(): void {
    const { done, total, word, ended, text } = this.#state();
    const seconds = Math.max(0.001, (systemTime.monotonic.now() - this.#startedAt) / 1000);
    const shown = text(Math.round(ended / seconds));
    if (this.#bar) {
      this.#bar.update(done, { text: shown });
      return;
    }
    const share = total === undefined || total === 0 ? '' : `${Math.floor((100 * done) / total)} % ${word}, `;
    console.error(`${share}${shown}`);
  }
}
