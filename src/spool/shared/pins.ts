/** Keeps the segments on disk whose events are named by references in other logs. */

/** How many undelivered references there are to the events of a segment. */
export class Pins {
  #count = 0;
  /** Called when there are none any more. */
  onReleased: () => void = () => undefined;

  get count(): number {
    return this.#count;
  }

  add(): void {
    this.#count += 1;
  }

  remove(count = 1): void {
    this.#count -= count;
    if (this.#count === 0) this.onReleased();
  }
}

/** A segment that has the bytes of events. */
export interface Pinned {
  readonly pins: Pins;
}

/** What the undelivered references of one segment pin. A counter for each other segment: a million events may wait. */
export class Holds {
  readonly #counts = new Map<Pinned, number>();

  /** One more undelivered reference names an event of `body`, which is pinned for it already. */
  add(body: Pinned): void {
    this.#counts.set(body, (this.#counts.get(body) ?? 0) + 1);
  }

  /** Such a reference is delivered. */
  release(body: Pinned): void {
    const count = this.#counts.get(body);
    if (count === undefined) return;
    if (count === 1) this.#counts.delete(body);
    else this.#counts.set(body, count - 1);
    body.pins.remove();
  }

  /** No reference is undelivered: they are delivered, or damaged. */
  releaseAll(): void {
    const all = [...this.#counts];
    this.#counts.clear();
    for (const [body, count] of all) body.pins.remove(count);
  }
}
