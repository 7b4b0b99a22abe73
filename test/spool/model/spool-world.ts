/** A spool on a simulated disk, and a model of what it must hold. Every step is checked against the model. */
import assert from 'node:assert/strict';

import type { Random } from '../../openlineage/random.ts';
import { Mark } from '../../../src/spool/marks.ts';
import { FRAME_HEADER_SIZE, REFERENCE_FRAME_SIZE } from '../../../src/spool/segment-format.ts';
import { SharedBody } from '../../../src/spool/shared/shared-body.ts';
import type { Item, Place } from '../../../src/spool/group-writer.ts';
import type { SpooledEvent } from '../../../src/spool/log-reader.ts';
import type { Faults } from '../simulation/simulated-operations.ts';
import { SpoolProcesses, type WorldSettings } from './spool-processes.ts';
import type { Ending, Entry } from './topic-model.ts';

/** More reads than any test has segments. */
const TRIES = 1000;

export class SpoolWorld extends SpoolProcesses {
  readonly #random: Random;
  readonly #maxBytes: number;
  readonly #reading = new Map<string, Promise<void>>();
  /** The last event of several topics, of this process. */
  #late:
    | {
        readonly shared: SharedBody;
        readonly payload: Buffer;
        readonly topics: readonly string[];
      }
    | undefined;

  constructor(settings: WorldSettings) {
    super(settings);
    this.#random = settings.random;
    this.#maxBytes = settings.maxBytes;
  }

  /** Appends one event. It is then on its way to the disk. */
  append(topic: string, payload: Buffer, mark: Item['mark'] = Mark.kept): void {
    this.#append(topic, payload, mark, payload.length + FRAME_HEADER_SIZE);
  }

  /** Appends one event to several topics. */
  appendToAll(topics: readonly string[], payload: Buffer, mark: Item['mark'] = Mark.kept): void {
    const shared = new SharedBody();
    this.#late = { shared, payload, topics };
    let isHeld = false;
    for (const topic of topics) {
      const bytes: number = isHeld ? REFERENCE_FRAME_SIZE : payload.length + FRAME_HEADER_SIZE;
      isHeld = this.#append(topic, payload, mark, bytes, shared).state !== 'failed' || isHeld;
    }
  }

  /** Appends the last event of several topics to another one, whatever has become of it in these. */
  appendLate(topic: string): void {
    const late = this.#late;
    if (!late || late.topics.includes(topic)) return;
    this.#late = undefined;
    this.#append(topic, late.payload, Mark.kept, undefined, late.shared);
  }

  /** `bytes` are those that the event claims; undefined if that depends on the other topics. */
  #append(
    topic: string,
    payload: Buffer,
    mark: Item['mark'],
    bytes: number | undefined,
    shared?: SharedBody,
  ): Entry {
    const model = this.model(topic);
    const isWriting = [...this.models.values()].some(({ entries }) =>
      entries.some(({ state }) => state === 'under way'),
    );
    const entry = model.append(payload, mark, shared !== undefined);
    const middle = this.#random.below(payload.length + 1);
    const isFull = bytes === undefined || this.spool.bytes + bytes > this.#maxBytes;
    this.spool.log(topic).append({
      parts: [payload.subarray(0, middle), payload.subarray(middle)],
      arrivedAt: entry.arrivedAt,
      shared,
      get mark() {
        return entry.mark === Mark.sent ? Mark.taken : entry.mark;
      },
      kept: this.hear((place: Place) => model.kept(entry, place)),
      failed: this.hear((reason: string) => {
        model.failed(entry);
        this.story.push(`event ${entry.arrivedAt} of ${topic} fails: ${reason}`);
        if (reason === 'the spool is full') assert.ok(isFull, 'refused with room left');
        else if (reason === 'the disk does not answer')
          assert.ok(isWriting || this.hasFailed, 'refused while nothing is under way');
        else assert.ok(this.hasFailed, `refused for no reason: ${reason}`);
      }),
    });
    const isRefused = entry.state === 'failed' || this.disk.operations.hasCrashed;
    assert.ok(!isFull || isRefused || bytes === undefined, 'taken without room for it');
    return entry;
  }

  /** Reads the next events. One read of a topic runs at a time. */
  read(topic: string): Promise<void> {
    const reading =
      this.#reading.get(topic) ?? this.#read(topic).finally(() => void this.#reading.delete(topic));
    this.#reading.set(topic, reading);
    return reading;
  }

  sent(topic: string, count: number): void {
    for (const entry of this.#some(topic, count)) {
      this.model(topic).sent(entry);
      if (entry.place) this.spool.log(topic).mark(entry.place, Mark.sent);
    }
  }

  deliver(topic: string, count: number): void {
    for (const entry of this.#some(topic, count)) {
      this.model(topic).delivered(entry);
      if (entry.place) this.spool.log(topic).mark(entry.place, Mark.delivered);
    }
  }

  /** Delivers an event that is still on its way to the disk. */
  deliverEarly(topic: string): void {
    const entry = this.model(topic).entries.find(
      ({ state, mark }) => state === 'under way' && mark === Mark.taken,
    );
    if (entry) this.model(topic).delivered(entry);
  }

  /** Waits until all pending events are on the disk. Then the marks are there, too. */
  async settle(): Promise<void> {
    const { failures } = this.disk.operations;
    for (let time = 0; time < 2; time++) {
      for (const topic of this.models.keys()) await this.spool.log(topic).settled();
    }
    if (this.disk.operations.hasCrashed) return;
    for (const [topic, model] of this.models)
      assert.deepEqual(model.unheard, [], `${topic}: never heard of again`);
    if (this.disk.operations.failures > failures) return;
    for (const model of this.models.values()) model.marksWritten();
    if (!this.hasFailed) this.#checkFiles();
  }

  /** Ends the process in the given way, and starts the next one. */
  async reopen(ending: Ending, faults: Faults = {}): Promise<void> {
    if (this.disk.operations.hasCrashed && ending === 'close') ending = 'kill';
    if (ending === 'close') {
      await Promise.all(this.#reading.values());
      await this.settle();
      const { failures } = this.disk.operations;
      await this.spool.close();
      const { failures: now, hasCrashed } = this.disk.operations;
      if (hasCrashed) ending = 'kill';
      else if (now === failures) assert.equal(this.disk.openFiles, 0, 'files left open');
    }
    this.#reading.clear();
    this.#late = undefined;
    this.end(ending);
    if (ending !== 'close') this.disk = this.disk.afterCrash(ending);
    await this.open(faults, ending === 'close' ? 'kill' : ending);
  }

  /** Compares the numbers of the spool with the model. Works at any moment. */
  check(): void {
    this.throwWrong();
    if (this.disk.operations.hasCrashed) return;
    const bytes = this.spool.topics.reduce((sum, topic) => sum + this.spool.log(topic).bytes, 0);
    assert.equal(this.spool.bytes, bytes, 'bytes of all topics');
    for (const [topic, model] of this.models) {
      const log = this.spool.log(topic);
      const vanished = model.count - log.count;
      assert.ok(vanished >= 0 && vanished <= model.mayVanish, `${topic}: count ${log.count}, ${model.count}`);
      assert.equal(log.oldestAt !== undefined, log.count > 0, `${topic}: oldest`);
      if (model.owed.length > 0 && !this.#reading.has(topic)) assert.ok(log.hasUnread, `${topic}: unread`);
    }
  }

  /** Reads and delivers everything. No event may be missing, and no file may remain. */
  async finish(): Promise<void> {
    this.disk.operations.faults = {};
    this.disk.operations.crashAt = Infinity;
    this.disk.capacity = Infinity;
    if (this.disk.operations.hasCrashed) await this.reopen('kill');
    await this.#drain();
    if (this.hasFailed) {
      await this.reopen('close');
      await this.#drain();
    }
    const left = [...this.disk.contents().keys()].filter((path) => !path.endsWith('.damaged'));
    assert.deepEqual(left, [], 'files left');
    assert.equal(this.spool.bytes, 0);
    await this.reopen('close');
    for (const topic of this.models.keys()) {
      await this.read(topic);
      assert.equal(this.spool.log(topic).count, 0);
    }
    await this.spool.close();
  }

  async #drain(): Promise<void> {
    await this.settle();
    for (const [topic, model] of this.models) {
      do {
        this.deliver(topic, Infinity);
        await this.read(topic);
      } while (model.held.length > 0);
    }
    await this.settle();
    this.check();
  }

  async #read(topic: string): Promise<void> {
    const { disk } = this;
    const model = this.model(topic);
    const { owed, mayVanish } = model;
    const cameOut = this.hear((events: readonly SpooledEvent[]) => model.cameOut(events, owed));
    const { failures } = disk.operations;
    try {
      const log = this.spool.log(topic);
      let events = await log.read();
      // A segment that cannot be read gives no events, but the next segment may have some.
      for (let tries = 1; events.length === 0 && log.hasUnread && tries < TRIES; tries++)
        events = await log.read();
      cameOut(events);
      const vanished = model.count - log.count;
      if (vanished > 0 && vanished <= mayVanish) model.count = log.count;
    } catch (error) {
      assert.ok(disk.operations.hasCrashed || disk.operations.failures > failures, String(error));
    }
  }

  #some(topic: string, count: number) {
    const { held } = this.model(topic);
    if (count >= held.length) return held;
    const from = this.#random.below(held.length - count + 1);
    return held.slice(from, from + count);
  }

  /** Checks that the size that the log reports is the size of its files. */
  #checkFiles(): void {
    const files = [...this.disk.contents()].filter(([path]) => path.endsWith('.log'));
    for (const topic of this.models.keys()) {
      const own = files.filter(([path]) => path.includes(`/topics/${topic}/`));
      const sum = own.reduce((all, [, bytes]) => all + bytes.length, 0);
      assert.equal(this.spool.log(topic).bytes, sum, `${topic}: bytes`);
    }
  }
}
