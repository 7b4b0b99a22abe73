/** Has each refusal a cause that was there at that moment? A fault somewhere in the day is not enough. */
import { isWritten } from './broker-answers.ts';
import type { DayPlan } from '../plan.ts';
import type { Post } from '../sender.ts';
import type { World } from '../world.ts';

/** A record in Kafka: the request that brought it, and when it was committed, on the monotonic clock. */
export interface Committed {
  readonly topic: string;
  /** Undefined if the topic is deleted. */
  readonly partition: number | undefined;
  readonly at: number;
}

/** Milliseconds until the segment of the last delivered event is gone: a poll, and the removal. */
const GONE_MS = 500;

/** Milliseconds in which the proxy surely learns that a topic was deleted. */
const DELETED_MS = 60_000;

const KEPT: ReadonlySet<Post['outcome']> = new Set(['acknowledged', 'spooled', 'dead-letter'] as const);

interface Interval {
  readonly from: number;
  to: number;
}

/** Refusals for the age of the spool: an event must have been there for so long, as far as segments tell it. */
export function judgeAges(
  world: World,
  plan: DayPlan,
  posts: readonly Post[],
  committed: ReadonlyMap<string, readonly Committed[]>,
): void {
  const { faults, settings } = plan;
  // The age of an earlier process's event goes by the wall clock.
  const isStepped = faults.some(({ kind }) => kind === 'clock-steps');
  const refused = posts.filter(
    ({ outcome, refusal, process, fate }) =>
      outcome === 'refused' &&
      fate.furtherTopics.length === 0 &&
      /max_age/.test(refusal ?? '') &&
      !(isStepped && process > 1),
  );
  for (const [topic, group] of Map.groupBy(refused, (post) => post.topic)) {
    const busy = busyTimes(world, posts, committed, topic, GONE_MS + stoppedMs(plan));
    for (const { requestId, process, answeredAt = 0 } of group) {
      const from = busy.find((one) => one.from <= answeredAt && answeredAt <= one.to)?.from ?? answeredAt;
      const ageMs = answeredAt - Math.min(from, oldestFound(world, posts, topic, process));
      if (ageMs > settings.spoolMaxAgeMs - GONE_MS) continue;
      world.remark(`${requestId} is refused for the age of the spool, and its oldest event has ${ageMs} ms`);
      return;
    }
  }
}

/**
 * When the oldest event was posted that the process has found in the spool of the topic. After a power cut, events that
 * Kafka has are there again: neither their marks nor the removal of their file were synced.
 */
function oldestFound({ processes }: World, posts: readonly Post[], topic: string, process: number): number {
  const found = (processes[process - 1]?.found ?? []).filter(({ path }) =>
    path.includes(`/topics/${topic}/`),
  );
  const ids = new Set(found.map(({ requestId }) => requestId));
  return Math.min(...posts.filter(({ requestId }) => ids.has(requestId)).map(({ postedAt }) => postedAt));
}

/**
 * When events of a topic waited: from the post up to the commit. Shorter gaps than `gapMs` are none. Events that another
 * topic refused wait in the dead-letter topic, too: since when, is not seen from outside.
 */
function busyTimes(
  world: World,
  posts: readonly Post[],
  committed: ReadonlyMap<string, readonly Committed[]>,
  topic: string,
  gapMs: number,
): Interval[] {
  const passed = new Map<string, number>();
  const intervals: Interval[] = [];
  for (const post of posts.toReversed()) {
    const own = (committed.get(post.requestId) ?? []).filter((one) => one.topic === topic);
    const at = Math.max(0, ...own.map((one) => heardAt(world, one)));
    if (at > 0) {
      if (post.topic === topic) passed.set(post.sender, Math.min(at, passed.get(post.sender) ?? at));
      intervals.push({ from: post.postedAt, to: at });
    } else if (post.topic === topic && KEPT.has(post.outcome)) {
      // Kafka refuses it. It must leave the spool before a later event of its key is written.
      const to = Math.max(post.postedAt, passed.get(post.sender) ?? world.time.monotonic.now());
      intervals.push({ from: post.postedAt, to });
    }
  }
  const merged: Interval[] = [];
  for (const { from, to } of intervals.sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last && from <= last.to + gapMs) last.to = Math.max(last.to, to);
    else merged.push({ from, to });
  }
  return merged.map(({ from, to }) => ({ from, to: to + gapMs }));
}

/** When a process has heard that the record is written: the next good answer for its partition. */
function heardAt({ processes }: World, { topic, partition, at }: Committed): number {
  if (partition === undefined) return at + DELETED_MS;
  for (const { client } of processes) {
    const heard = client.heard.find(
      (one) => one.topic === topic && one.partition === partition && one.at >= at && isWritten(one),
    );
    if (heard) return heard.at;
  }
  return Number.POSITIVE_INFINITY;
}

/** Milliseconds that SIGSTOP held the process, in all. */
export function stoppedMs({ faults }: DayPlan): number {
  return faults.filter(({ kind }) => kind === 'process-stopped').reduce((sum, { forMs }) => sum + forMs, 0);
}
