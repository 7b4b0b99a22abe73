/** Log lines of level info as text, exactly as the logger makes them, without its cost: only time and message change. */

/** The line that the logger writes for people, at a time in milliseconds since 1970, with a message. */
type Sample = (time: number, message: string) => string;

const SECOND_MS = 1000;

/** No line of the logger has it elsewhere. */
const MESSAGE = '{message}';

export class InfoLines {
  readonly #sample: Sample;
  readonly #base: string;
  /** The second that the parts of a line below are of. */
  #second = NaN;
  #beforeMillis = '';
  #afterMillis = '';
  #afterMessage = '';

  /** `base`: the members that each line for machines has after its time. */
  constructor(sample: Sample, base: object) {
    this.#sample = sample;
    this.#base = JSON.stringify(base).slice(1, -1);
  }

  /** A line for people. `message` has no line end. */
  text(now: number, message: string): string {
    const second = Math.floor(now / SECOND_MS);
    if (second !== this.#second) this.#enter(second);
    const millis = String(now % SECOND_MS).padStart(3, '0');
    return `${this.#beforeMillis}${millis}${this.#afterMillis}${message}${this.#afterMessage}`;
  }

  /** A line for machines: a JSON object, without the line end. `facts` has at least one member that is not undefined. */
  members(now: number, facts: object, message: string): string {
    const time = new Date(now).toISOString();
    const members = JSON.stringify(facts).slice(1, -1);
    return `{"level":"info","time":"${time}",${this.#base},${members},"message":${JSON.stringify(message)}}`;
  }

  /** Splits a line of this second where its milliseconds and its message are. */
  #enter(second: number): void {
    const line = this.#sample(second * SECOND_MS, MESSAGE);
    const millis = line.indexOf('.000') + 1;
    const message = line.indexOf(MESSAGE);
    this.#beforeMillis = line.slice(0, millis);
    this.#afterMillis = line.slice(millis + 3, message);
    this.#afterMessage = line.slice(message + MESSAGE.length);
    this.#second = second;
  }
}
