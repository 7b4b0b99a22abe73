/** How long something has been so without a break, by samples. */
interface Streak {
  readonly value: string;
  readonly since: number;
}

export class Streaks {
  readonly #streaks = new Map<string, Streak>();

  /** Milliseconds that it has had this value, at the moment `now`; -1 while the value is undefined. */
  lasting(name: string, value: string | undefined, now: number): number {
    if (value === undefined) {
      this.#streaks.delete(name);
      return -1;
    }
    const known = this.#streaks.get(name);
    const streak = known?.value === value ? known : { value, since: now };
    this.#streaks.set(name, streak);
    return now - streak.since;
  }
}
