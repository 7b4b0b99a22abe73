/** Processes that use the spool of a simulated disk one after the other, and a model of what it must hold. */
import assert from 'node:assert/strict';
import { basename, dirname } from 'node:path';

import type { Random } from '../../openlineage/random.ts';
import { Spool } from '../../../src/spool/spool.ts';
import type { DamageReport } from '../../../src/spool/topic-log.ts';
import { time } from '../simulation/clock.ts';
import { SimulatedDisk, type CrashKind } from '../simulation/simulated-disk.ts';
import type { Faults } from '../simulation/simulated-operations.ts';
import { TopicModel, type Ending } from './topic-model.ts';

export interface WorldSettings {
  readonly random: Random;
  readonly segmentBytes: number;
  readonly maxBytes: number;
}

export class SpoolProcesses {
  disk: SimulatedDisk;
  readonly models = new Map<string, TopicModel>();
  /** What was done, to explain a failure. */
  readonly story: string[] = [];
  /** How often the disk has crashed. */
  crashes = 0;
  readonly #settings: WorldSettings;
  #spool: Spool | undefined;
  /** How often the spool was opened. */
  #opening = 0;
  #failuresAtOpening = 0;
  /** Segments that this opening could not read. */
  #unread = 0;
  #mayLookDamaged = false;
  /** The first error in a callback. If the callback threw it, the spool might take it for a disk error. */
  #wrong: Error | undefined;

  constructor(settings: WorldSettings) {
    this.#settings = settings;
    this.disk = new SimulatedDisk({ random: settings.random });
  }

  get spool(): Spool {
    assert.ok(this.#spool);
    return this.#spool;
  }

  /** Has the disk failed since the spool was opened? */
  get hasFailed(): boolean {
    return this.disk.operations.failures > this.#failuresAtOpening;
  }

  model(topic: string): TopicModel {
    let model = this.models.get(topic);
    if (!model) this.models.set(topic, (model = new TopicModel()));
    return model;
  }

  /** Opens the spool, again after each crash meanwhile, and compares its content with the model. */
  async open(faults: Faults = {}, ending: CrashKind = 'kill'): Promise<void> {
    for (;;) {
      this.#opening += 1;
      this.#unread = 0;
      this.disk.operations.faults = faults;
      this.#failuresAtOpening = this.disk.operations.failures;
      const opened = await this.#tryOpening();
      this.disk.operations.faults = {};
      if (opened) break;
      this.story.push('opening fails');
      faults = {};
      this.end(ending);
      this.disk = this.disk.afterCrash(ending);
    }
    for (const [topic, model] of this.models) {
      const { count, unanswered } = this.spool.log(topic);
      assertBetween(count, model.countBounds, `${topic}: count after opening`);
      assertBetween(unanswered, model.unansweredBounds, `${topic}: unanswered after opening`);
      model.count = count;
    }
    this.throwWrong();
  }

  /**
   * Makes a callback for this process. A call from a later process or after a crash has no effect, because its owner
   * is gone.
   */
  hear<Told extends unknown[]>(listen: (...told: Told) => void): (...told: Told) => void {
    const opening = this.#opening;
    return (...told) => {
      if (opening !== this.#opening || this.disk.operations.hasCrashed) return;
      try {
        listen(...told);
      } catch (error) {
        this.#wrong ??= error instanceof Error ? error : new Error(String(error));
      }
    };
  }

  throwWrong(): void {
    if (this.#wrong) throw this.#wrong;
  }

  /** Tells the model that the process has ended. */
  end(ending: Ending): void {
    this.throwWrong();
    this.story.push(`-- ${ending}`);
    if (ending !== 'close') this.crashes += 1;
    this.#mayLookDamaged ||= ending === 'power cut' || this.disk.operations.failures > 0;
    for (const model of this.models.values()) model.ended(ending);
  }

  async #tryOpening(): Promise<boolean> {
    const { maxBytes, segmentBytes, random } = this.#settings;
    const machine = { disk: this.disk, time, randomSeed: () => random.below(2 ** 32) };
    const report = this.hear((damage: DamageReport) => this.#reported(damage));
    try {
      this.#spool = await Spool.open({ path: '/spool', maxBytes, segmentBytes }, report, machine);
    } catch (error) {
      assert.ok(this.hasFailed || this.disk.operations.hasCrashed, String(error));
      return false;
    }
    return this.#unread === 0 && !this.disk.operations.hasCrashed;
  }

  /**
   * Checks a damage report. A segment that cannot be opened counts as missing until the next opening. The tests
   * damage nothing. But a power cut or a failed sync may leave unacknowledged events with gaps between them, which
   * resembles damage.
   */
  #reported({ path, events, reason }: DamageReport): void {
    this.story.push(`${path} is reported: ${events} events, ${reason}`);
    if (events === 0) {
      assert.ok(this.hasFailed, `no reason to report that ${path} cannot be read`);
      this.#unread += 1;
      return;
    }
    const model = this.model(basename(dirname(path)));
    assert.ok(
      this.#mayLookDamaged && events <= model.unacknowledged,
      `${events} events of ${path} are given up`,
    );
    model.count -= events;
  }
}

function assertBetween(value: number, [least, most]: [number, number], what: string): void {
  assert.ok(value >= least && value <= most, `${what}: ${value}, not from ${least} to ${most}`);
}
