/** The senders of a day, and the ledger of what they posted and heard. */
import type { RuleList } from '../../src/config/schema/routing-rule.ts';
import type { Arrival } from '../../src/pipeline/arrival.ts';
import type { Ingested } from '../../src/pipeline/ingest.ts';
import { CONTENTS, makeEvent, type EventContent, type EventShape, type MadeEvent } from './event-maker.ts';
import { fateOf, type Fate } from './places/fate.ts';
import type { World } from './world.ts';

/** What a sender does. Part of the plan of a day. */
export interface SenderPlan {
  readonly name: string;
  readonly shape: EventShape;
  /** `patient` posts again until the event is kept; `hasty` goes on whatever the answer is; `careless` does not wait. */
  readonly manner: 'patient' | 'hasty' | 'careless';
  /** Events that it posts at once. More than one: a batch, unless it is patient. */
  readonly burst: number;
  /** Milliseconds between two elements of a batch, at most: the proxy takes a large batch in turns. */
  readonly gapMs: number;
  /** Milliseconds from the start of the day to its first post. */
  readonly startMs: number;
  readonly pauseMs: number;
  /** Bytes of random text in an event. */
  readonly padding: number;
  /** How much older than now the events are, in milliseconds. Negative: from the future. */
  readonly ageMs: number;
}

/** One post of one event. */
export interface Post {
  readonly requestId: string;
  readonly sender: string;
  readonly event: MadeEvent;
  /** Counts the events of the sender, from 0. A post that repeats an event has its number. */
  readonly number: number;
  /** The process that took it. */
  readonly process: number;
  /** What must become of it, by the rules in force when it arrived. */
  fate: Fate;
  /** The same by the rules that came into force before its answer. */
  laterFates: readonly Fate[];
  /** That of its fate. A judgement of another topic has its own. */
  topic: string;
  readonly postedAt: number;
  /** Did the sender wait for the answer to its event before, or are both in one batch? */
  readonly isOrdered: boolean;
  outcome: Ingested['kind'] | 'lost' | undefined;
  refusal: string | undefined;
  answeredAt: number | undefined;
}

/** Judges the post by this fate. */
export function judgeBy(post: Post, fate: Fate): void {
  post.fate = fate;
  post.topic = fate.topic;
}

/** Most posts of a sender in a day. */
export const MAX_POSTS = 500;

/** Milliseconds before a patient sender tries again. */
const AGAIN_MS = 1000;

export class Sender {
  readonly plan: SenderPlan;
  readonly #world: World;
  readonly #posts: Post[];
  readonly #random;
  readonly #gaps;
  #number = 0;
  #isOver = false;

  constructor(plan: SenderPlan, world: World, posts: Post[]) {
    this.plan = plan;
    this.#world = world;
    this.#posts = posts;
    this.#random = world.random(plan.name);
    this.#gaps = world.random(`${plan.name} gaps`);
  }

  /** Posts until `end` is called. Resolves then, with its last answer. */
  async run(): Promise<void> {
    const { manner, burst, startMs, pauseMs, gapMs } = this.plan;
    if (startMs > 0) await this.#world.pass(startMs);
    while (!this.#isOver && this.#number < MAX_POSTS) {
      const posts: Promise<void>[] = [];
      for (let left = burst; left > 0; left--) {
        posts.push(this.#postNext());
        // The elements of a batch are handed on one after the other, without a wait for their outcomes.
        if (manner === 'patient') await posts.at(-1);
        else if (gapMs > 0 && this.#gaps.below(4) === 0) await this.#world.pass(1 + this.#gaps.below(gapMs));
      }
      if (manner !== 'careless') await Promise.all(posts);
      await this.#world.pass(1 + this.#random.below(2 * pauseMs));
    }
  }

  end(): void {
    this.#isOver = true;
  }

  async #postNext(): Promise<void> {
    const { name, shape, padding, ageMs, manner } = this.plan;
    const number = this.#number++;
    const time = this.#world.time.wall.now() - ageMs;
    const event = makeEvent(shape, name, time, padding, this.#random, this.#contentOf(number));
    for (let attempt = 0; ; attempt++) {
      const outcome = await this.#post(event, number, attempt);
      if (manner !== 'patient' || (outcome !== 'retriable' && outcome !== 'lost')) return;
      if (this.#isOver) return;
      await this.#world.pass(AGAIN_MS);
    }
  }

  /** Events differ only where something depends on it: other days stay as they are. */
  #contentOf(number: number): EventContent {
    const { proxy, rules } = this.#world;
    return rules || proxy?.isLevelled === true ? (CONTENTS[number % CONTENTS.length] ?? 'plain') : 'plain';
  }

  /** Posts an event once. A proxy that does not run refuses the connection: that is no post. */
  async #post(
    event: MadeEvent,
    number: number,
    attempt: number,
  ): Promise<'kept' | 'retriable' | 'final' | 'lost'> {
    const { name, manner } = this.plan;
    const { proxy, time } = this.#world;
    if (!proxy) return 'lost';
    const requestId = `${name}-${number}-${attempt}`;
    const arrival: Arrival = { requestId, traceparent: undefined, origin: () => ({}) };
    const versions = proxy.rules.length;
    const fateBy = (rules: RuleList | undefined) => fateOf(event, name, proxy.settings, rules);
    const fate = fateBy(proxy.rules.at(-1));
    const post: Post = {
      requestId,
      sender: name,
      event,
      number,
      process: proxy.number,
      fate,
      laterFates: [],
      topic: fate.topic,
      postedAt: time.monotonic.now(),
      isOrdered: manner !== 'careless',
      outcome: undefined,
      refusal: undefined,
      answeredAt: undefined,
    };
    this.#posts.push(post);
    const answer = await proxy.take(arrival, event.bytes);
    post.answeredAt = time.monotonic.now();
    post.laterFates = proxy.rules.slice(versions).map(fateBy);
    if (answer === 'lost') {
      post.outcome = 'lost';
      return 'lost';
    }
    post.outcome = answer.kind;
    if (answer.kind !== 'refused') return 'kept';
    post.refusal = `${answer.refusal.code}: ${answer.refusal.message}`;
    return answer.refusal.code === 'unavailable' ? 'retriable' : 'final';
  }
}
