/** A model in memory of what a topic's log must hold. It checks all events that come out of the log. */
import assert from 'node:assert/strict';

import { Mark } from '../../../src/spool/marks.ts';
import type { Item, Place } from '../../../src/spool/group-writer.ts';
import type { SpooledEvent } from '../../../src/spool/log-reader.ts';
import type { CrashKind } from '../simulation/simulated-disk.ts';

/** How an opening of the spool ends. */
export type Ending = CrashKind | 'close';

export interface Entry {
  /** Its place in the order of the calls of `append`. Stored as its time, it identifies the event on disk. */
  readonly arrivedAt: number;
  readonly payload: Buffer;
  /** The result of `append`. It is unknown if a crash came while the event was under way. */
  state: 'under way' | 'kept' | 'failed' | 'unknown';
  /** The mark that the log was given, as far as this opening knows. */
  mark: Item['mark'] | typeof Mark.sent;
  place: Place | undefined;
  /** It has come out in this opening, or the caller of `append` still has it. */
  isOut: boolean;
  /** Its last mark is certainly in the file: a kill does not undo it. */
  isMarkWritten: boolean;
  /** It was delivered, but a crash may have lost its mark. */
  mayReturn: boolean;
  /** It was marked as sent at least once. */
  wasSent: boolean;
  /** Other topics have the event, too: their log may have its bytes. */
  readonly isShared: boolean;
}

export class TopicModel {
  readonly entries: Entry[] = [];
  /** How many events the log must count. */
  count = 0;
  /** How many sent and unanswered events an opening may find. */
  unansweredBounds: [least: number, most: number] = [0, 0];
  #lastOut = -1;

  append(payload: Buffer, mark: Item['mark'], isShared = false): Entry {
    const entry: Entry = {
      arrivedAt: this.entries.length,
      payload,
      state: 'under way',
      mark,
      place: undefined,
      isOut: mark !== Mark.kept,
      isMarkWritten: false,
      mayReturn: false,
      wasSent: false,
      isShared,
    };
    this.entries.push(entry);
    return entry;
  }

  kept(entry: Entry, place: Place): void {
    assert.equal(entry.state, 'under way', `event ${entry.arrivedAt} is kept twice, or after it had failed`);
    entry.state = 'kept';
    entry.place = place;
    if (entry.mark !== Mark.delivered) this.count += 1;
  }

  failed(entry: Entry): void {
    assert.equal(entry.state, 'under way', `event ${entry.arrivedAt} fails twice, or after it was kept`);
    entry.state = 'failed';
    entry.isOut = true;
  }

  /** How many events the log may give up as delivered: their bytes were removed, and only their marks were lost. */
  get mayVanish(): number {
    return this.entries.filter(({ isShared, mayReturn, isOut }) => isShared && mayReturn && !isOut).length;
  }

  /** The events that the program has: on disk, out, and not delivered. */
  get held(): Entry[] {
    return this.entries.filter(
      ({ place, isOut, mark }) => place !== undefined && isOut && mark !== Mark.delivered,
    );
  }

  /** The events that the log must still give: kept, not delivered, and not yet out. */
  get owed(): Entry[] {
    return this.entries.filter(
      (entry) => entry.state === 'kept' && entry.mark !== Mark.delivered && !entry.isOut,
    );
  }

  sent(entry: Entry): void {
    entry.mark = Mark.sent;
    entry.wasSent = true;
    entry.isMarkWritten = false;
  }

  delivered(entry: Entry): void {
    if (entry.place !== undefined && entry.mark !== Mark.delivered) this.count -= 1;
    entry.mark = Mark.delivered;
    entry.isMarkWritten = false;
  }

  /** Checks the events that a call of `read` returns. `owed` is the value at the time of the call. */
  cameOut(events: readonly SpooledEvent[], owed: readonly Entry[]): void {
    for (const { arrivedAt, payload, place } of events) {
      const entry = this.entries[arrivedAt];
      assert.ok(entry, `an event that nobody has appended comes out (${arrivedAt})`);
      assert.ok(payload.equals(entry.payload), `event ${arrivedAt} comes out with other bytes`);
      assert.ok(!entry.isOut, `event ${arrivedAt} comes out twice, or while it is at hand`);
      assert.ok(arrivedAt > this.#lastOut, `event ${arrivedAt} comes out behind ${this.#lastOut}`);
      assert.ok(
        entry.mark !== Mark.delivered || entry.mayReturn,
        `event ${arrivedAt} comes out again when delivered`,
      );
      assert.notEqual(entry.state, 'under way', `event ${arrivedAt} comes out before it is kept`);
      entry.isOut = true;
      entry.place = place;
      entry.mark = Mark.taken;
      entry.mayReturn = false;
      this.#lastOut = arrivedAt;
    }
    const skipped = owed.find(
      (entry) => !entry.isOut && (events.length === 0 || entry.arrivedAt < this.#lastOut),
    );
    assert.ok(!skipped, `event ${skipped?.arrivedAt ?? 0} was kept and does not come out`);
    if (events.length > 0) return;
    // Everything is read. An event that has not come back by now has kept its mark.
    for (const entry of this.entries) {
      if (entry.mayReturn) entry.isMarkWritten = true;
      entry.mayReturn = false;
    }
  }

  /** Notes that all marks given so far are in the files. */
  marksWritten(): void {
    for (const entry of this.entries) entry.isMarkWritten ||= entry.place !== undefined;
  }

  ended(ending: Ending): void {
    this.#lastOut = -1;
    const isSure = ({ isMarkWritten }: Entry): boolean => isMarkWritten && ending !== 'power cut';
    const surelySent = this.entries.filter((entry) => entry.mark === Mark.sent && isSure(entry));
    for (const entry of this.entries) {
      if (entry.state === 'under way') entry.state = 'unknown';
      if (entry.mark !== Mark.delivered) entry.mark = Mark.kept;
      else if (!isSure(entry)) entry.mayReturn = true;
      entry.isOut = false;
      entry.place = undefined;
    }
    const maybeSent = this.entries.filter(
      ({ wasSent, mark, mayReturn }) => wasSent && (mark !== Mark.delivered || mayReturn),
    );
    this.unansweredBounds = [surelySent.length, maybeSent.length];
  }

  /** The events that still wait for their result: the log has not yet called `kept` or `failed`. */
  get unheard(): Entry[] {
    return this.entries.filter(({ state, mark }) => state === 'under way' && mark !== Mark.delivered);
  }

  /** How many events may be on disk that were never acknowledged and have not come out. */
  get unacknowledged(): number {
    return this.entries.filter(({ state, isOut }) => state !== 'kept' && !isOut).length;
  }

  /** How many events the log may count after an opening. */
  get countBounds(): [least: number, most: number] {
    const least = this.owed.length;
    const maybe = this.entries.filter(
      ({ state, mark, mayReturn }) => (state !== 'kept' && mark !== Mark.delivered) || mayReturn,
    );
    return [least, least + maybe.length];
  }
}
