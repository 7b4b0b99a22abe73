/**
 * Watches the proxy during the day, as a monitoring system does: several times a second it compares what the proxy says
 * of itself (status of each topic, `kafka_up`, log) with what the senders and the brokers have seen.
 */
import type { TopicStatus } from '../../../src/delivery/port.ts';
import type { Timer } from '../../../src/support/time.ts';
import type { Random } from '../../openlineage/random.ts';
import type { ProxyProcess } from '../proxy-process.ts';
import type { Post } from '../sender.ts';
import type { World } from '../world.ts';
import { isWritten } from './broker-answers.ts';
import { judgeCounters } from './counters.ts';
import { LimitWatch } from './limit-watch.ts';
import { LogWords } from './log-words.ts';
import { Streaks } from './streaks.ts';

/** Milliseconds between two samples: irregular, as the proxy's own checks are regular. */
const SAMPLE_MS = 250;

/** Samples between two comparisons of the counters, which cost more. */
const COUNTERS_EVERY = 8;

/** Milliseconds within which a line of the log follows a change. The proxy checks its state every 50 ms. */
const LINE_MS = 4 * SAMPLE_MS;

/**
 * Milliseconds that the log may wait with a changed problem of Kafka, as it says one only every 10 seconds. So it does with
 * a state of a topic after its first lines.
 */
const RETELL_MS = 13_000;

/** Lines on the state of a topic that come at once. */
const STATE_LINES = 6;

/** Milliseconds without a problem before the log must say that it is over. Between two samples a moment may have one. */
const CALM_MS = 60_000;

/** Milliseconds that an event may stay in the spool of a topic that takes events. */
const STUCK_MS = 15_000;

/** Milliseconds after a fault of the disk in which events may stay: they are offered with growing pauses. */
const DISK_PAUSE_MS = 70_000;

/** Milliseconds that a slow disk may take for delivered events that stand before the first one that waits. */
const UNSENT_MS = 15_000;

/** Bytes of a small memory for events. */
const TIGHT_BYTES = 1_000_000;

/** So many answers in a row show what the proxy must have noticed. */
const ROW = 5;

/** Bytes of memory above the limit of the queue: of each topic one event of its spool, and an event that is alone. */
const MEMORY_ALLOWANCE = 128 * 1024;

export class DayWatch {
  readonly #world: World;
  readonly #posts: readonly Post[];
  readonly #streaks = new Streaks();
  readonly #limits: LimitWatch;
  readonly #told = new Set<string>();
  readonly #random: Random;
  #timer: Timer | undefined;
  #proxy: ProxyProcess | undefined;
  #words = new LogWords([]);
  #samples = 0;
  /** When the disk last had a fault, on the monotonic clock. */
  #diskFaultAt = Number.NEGATIVE_INFINITY;
  /** When the status last had a problem, by topic. */
  readonly #problemAt = new Map<string, number>();

  constructor(world: World, posts: readonly Post[]) {
    this.#world = world;
    this.#posts = posts;
    this.#random = world.random('watch');
    this.#limits = new LimitWatch(world);
  }

  start(): void {
    const pauseMs = SAMPLE_MS / 2 + this.#random.below(SAMPLE_MS);
    this.#timer = this.#world.time.setTimeout(() => {
      void this.#sample();
      this.start();
    }, pauseMs);
  }

  end(): void {
    this.#timer?.[Symbol.dispose]();
  }

  async #sample(): Promise<void> {
    const { proxy, disk } = this.#world;
    const now = this.#world.time.monotonic.now();
    const { faults, hangs } = disk.operations;
    if (Object.keys(faults).length > 0 || hangs || disk.capacity < Infinity) this.#diskFaultAt = now;
    if (!proxy || proxy.time.isDead || proxy.time.isStopped || proxy.stoppingSince < Infinity) return;
    if (proxy !== this.#proxy) {
      this.#proxy = proxy;
      this.#words = new LogWords(proxy.log);
      this.#problemAt.clear();
    }
    this.#words.read();
    for (const line of this.#words.repeated.splice(0)) this.#violate('the log repeats itself', line);
    this.#samples += 1;
    const statuses = proxy.delivery.topics;
    proxy.delivery.measure();
    for (const status of statuses) {
      this.#judgeState(proxy, status, now);
      this.#judgeProblem(proxy, status, now);
      this.#judgeRefusals(proxy, status, now);
      this.#judgeSilence(proxy, status, now);
    }
    const late = this.#limits.judge(this.#posts, proxy.number, proxy.settings.mainTopic, now);
    if (late !== undefined) this.#violate('limit', late);
    const [up, bytes] = [await proxy.metrics.kafkaUp.get(), await proxy.metrics.queueBytes.get()];
    for (const { labels, value } of up.values) this.#judgeKafkaUp(proxy, `${labels.topic ?? ''}`, value, now);
    const held = bytes.values[0]?.value ?? 0;
    if (held < 0 || held > proxy.settings.queueBytes + MEMORY_ALLOWANCE) {
      this.#violate('memory', `the events in memory take ${held} bytes`);
    }
    if (this.#samples % COUNTERS_EVERY === 0) {
      for (const text of await judgeCounters(proxy, this.#posts, true)) this.#violate('counters', text);
    }
  }

  /** The log says the state, and no event stays behind. */
  #judgeState({ number }: ProxyProcess, { topic, state, spooledEvents }: TopicStatus, now: number): void {
    const word = this.#words.stateOf(topic);
    const isSilent = word === 'straight' && spooledEvents === 0;
    const wrong = word === state || isSilent ? undefined : `${word} instead of ${state}`;
    const limitMs = this.#words.stateLinesOf(topic) < STATE_LINES ? LINE_MS : RETELL_MS;
    if (this.#streaks.lasting(`${number} ${topic} line`, wrong, now) >= limitMs)
      this.#violate('state line', `${topic} is ${state}, and the log says ${word}`);
    const isStuck = state === 'straight' && spooledEvents > 0 && now - this.#diskFaultAt > DISK_PAUSE_MS;
    if (this.#lasting(`${number} ${topic} stuck`, isStuck, now) > STUCK_MS)
      this.#violate('stuck', `${spooledEvents} events stay in the spool of ${topic}, which takes events`);
  }

  /** The log says when events cannot be kept, and when they can again. */
  #judgeProblem({ number }: ProxyProcess, { topic, problem }: TopicStatus, now: number): void {
    if (problem !== undefined) this.#problemAt.set(topic, now);
    const isUnkept = this.#words.isUnkept(topic);
    const isUntold = problem !== undefined && !isUnkept;
    if (this.#lasting(`${number} ${topic} untold`, isUntold, now) >= LINE_MS)
      this.#violate(
        'problem line',
        `${topic} keeps no events, and the log does not say it: ${problem ?? ''}`,
      );
    const isOver = problem === undefined && isUnkept;
    const all = this.#proxy?.delivery.topics.some((status) => status.problem !== undefined) === true;
    // A small memory is full for moments that no sample sees.
    const isTight = this.#proxy !== undefined && this.#proxy.settings.queueBytes < TIGHT_BYTES;
    const over = isOver && !all && !isTight ? this.#words.unkeptBy(topic) : undefined;
    if (this.#streaks.lasting(`${number} ${topic} over`, over, now) > CALM_MS + LINE_MS)
      this.#violate('calm line', `${topic} keeps events again, and the log does not say it`);
  }

  /** `kafka_up` and the log agree. */
  #judgeKafkaUp({ number }: ProxyProcess, topic: string, up: number, now: number): void {
    const word = this.#words.kafkaOf(topic);
    const isDown = up === 0 && word === 'up';
    if (this.#lasting(`${number} ${topic} down`, isDown, now) > RETELL_MS)
      this.#violate('down line', `kafka_up of ${topic} is 0, and the log says that it can be written to`);
    const isUp = up === 1 && word !== 'up';
    if (this.#lasting(`${number} ${topic} up`, isUp, now) >= LINE_MS)
      this.#violate('up line', `kafka_up of ${topic} is 1, and the log does not say it`);
  }

  /** After some refusals in a row, the status says why. */
  #judgeRefusals(proxy: ProxyProcess, { topic, kafkaProblem }: TopicStatus, now: number): void {
    const row: Post[] = [];
    for (let at = this.#posts.length - 1; at >= 0 && row.length < ROW; at--) {
      const post = this.#posts[at];
      if (!post || post.process !== proxy.number) break;
      // What another topic cannot keep says nothing of this one.
      if (post.topic !== topic || post.fate.furtherTopics.length > 0 || post.answeredAt === undefined)
        continue;
      if (post.outcome !== 'refused') break;
      row.push(post);
    }
    const [last, first] = [row[0]?.answeredAt ?? now, row.at(-1)?.postedAt ?? now];
    if (row.length < ROW || now - last > 5000 || now - last < SAMPLE_MS) return;
    const reasons = row.map(({ refusal }) => refusal ?? '');
    if (reasons.every((reason) => /^unavailable: Kafka refuses|^payload_too_large/.test(reason))) {
      const isTaken = proxy.client.heard.some(
        (one) => one.topic === topic && one.at >= first && isWritten(one),
      );
      if (!isTaken && kafkaProblem === undefined)
        this.#violate(
          'refusing topic',
          `${topic} takes nothing, and its status says ok: ${reasons[0] ?? ''}`,
        );
    } else if (reasons.every((reason) => /spool is full|disk is full|disk fails|max_age/.test(reason))) {
      const firstAt = row.at(-1)?.answeredAt ?? now;
      // A topic that takes events between is one that takes events.
      const isMixed = proxy.client.heard.some(
        (one) => one.topic === topic && one.at >= firstAt && one.at <= last && isWritten(one),
      );
      const problemAt = this.#problemAt.get(topic) ?? Number.NEGATIVE_INFINITY;
      if (!isMixed && last - firstAt > 2 * SAMPLE_MS && problemAt < firstAt - SAMPLE_MS)
        this.#violate(
          'ready',
          `${ROW} events of ${topic} are refused, and ready says ok: ${reasons[0] ?? ''}`,
        );
    }
  }

  /** While events wait and Kafka acknowledges none, the status says why. No process only reads its disk for long. */
  #judgeSilence(proxy: ProxyProcess, status: TopicStatus, now: number): void {
    const { topic, kafkaProblem, spooledEvents, state } = status;
    const { heard, sentAt } = proxy.client;
    const acknowledgedAt = heard.findLast((one) => one.topic === topic && isWritten(one))?.at ?? 0;
    // What is not sent is not refused by Kafka.
    const isTried = (sentAt.get(topic) ?? 0) > acknowledgedAt;
    const isDiskGood = now - this.#diskFaultAt > 2000;
    const isQuiet = spooledEvents > 0 && state !== 'straight' && kafkaProblem === undefined && isDiskGood;
    const limit = isTried ? proxy.settings.spoolAfterMs + 3000 : UNSENT_MS;
    const waiting = isTried ? 'sent' : 'unsent';
    const lastingMs = this.#streaks.lasting(
      `${proxy.number} ${topic} silent`,
      isQuiet ? waiting : undefined,
      now,
    );
    if (lastingMs <= limit || now - acknowledgedAt <= limit) return;
    const what = isTried ? `Kafka acknowledges nothing of ${topic}` : `nothing of ${topic} is sent to Kafka`;
    this.#violate('silence', `${what}, and its status says ok`);
  }

  #lasting(name: string, isSo: boolean, now: number): number {
    return this.#streaks.lasting(name, isSo ? 'so' : undefined, now);
  }

  /** Tells the first violation of a kind only: the others follow from it. */
  #violate(kind: string, text: string): void {
    if (this.#told.has(kind)) return;
    this.#told.add(kind);
    this.#world.remark(`process ${this.#proxy?.number ?? 0}: ${text}`);
  }
}
