/**
 * Things in a line, first come first served, any of which may leave at any time. A `Set` would do but for the garbage
 * collector: whenever a `Set` grows or shrinks it leaves a table behind, and one that has lived long keeps all that was
 * in it, bodies and all, until everything is collected (measured: collecting took twice the time). Here whoever leaves
 * takes its links with it, so that what has left keeps nothing.
 */

/** What can stand in a line; in one at a time. The line alone writes these. */
export interface Standing<Item extends Standing<Item>> {
  line: Line<Item> | undefined;
  before: Item | undefined;
  behind: Item | undefined;
}

export class Line<Item extends Standing<Item>> {
  #first: Item | undefined;
  #last: Item | undefined;
  #size = 0;

  get first(): Item | undefined {
    return this.#first;
  }

  get size(): number {
    return this.#size;
  }

  /** Puts something that stands in no line at the end. */
  add(item: Item): void {
    item.line = this;
    item.before = this.#last;
    if (this.#last) this.#last.behind = item;
    else this.#first = item;
    this.#last = item;
    this.#size += 1;
  }

  /** Takes something out; false when it does not stand here. */
  delete(item: Item): boolean {
    if (item.line !== this) return false;
    const { before, behind } = item;
    if (before) before.behind = behind;
    else this.#first = behind;
    if (behind) behind.before = before;
    else this.#last = before;
    item.line = undefined;
    item.before = undefined;
    item.behind = undefined;
    this.#size -= 1;
    return true;
  }

  /** From the first to the last. Whoever has its turn may leave meanwhile, but nobody behind it. */
  *[Symbol.iterator](): Generator<Item, void> {
    let next = this.#first;
    while (next) {
      const item = next;
      next = item.behind;
      yield item;
    }
  }
}
