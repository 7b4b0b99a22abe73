/** How long something has been so without a break, by samples. */
export class Streaks {
  readonly #since = new Map<string, number>();

  /** Milliseconds that it has been so, at the moment `now`; -1 if it is not so. */
  lasting(name: string, isSo: boolean, now: number): number {
    if (!isSo) {
      this.#since.delete(name);
      return -1;
    }
    const since = this.#since.get(name) ?? now;
    this.#since.set(name, since);
    return now - since;
  }
}
