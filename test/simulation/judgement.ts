/** Judges a day from outside: by what the senders heard, and by what is in Kafka and on disk. */
import { mayBeDeadLetter, mayBeLost } from './allowances.ts';
import type { BatchRecord } from './cluster/batch-content.ts';
import type { Entry } from './cluster/partition.ts';
import { judgeDuplicates, type Copy } from './duplicates/judge-duplicates.ts';
import { DISK_FAULTS } from './faults.ts';
import type { DayPlan } from './plan.ts';
import { judgeAges, stoppedMs } from './observation/causes.ts';
import { judgeFurther } from './observation/copies.ts';
import { judgeDecisions } from './observation/decisions.ts';
import { judgeCounters } from './observation/counters.ts';
import { SendingIndex } from './observation/sending-index.ts';
import type { BatchName } from './observation/sendings.ts';
import { judgeDisk, judgeReads } from './observation/work.ts';
import { judgeFates, mainPostsOf, postsOf, settleFates } from './places/judge-fates.ts';
import { FURTHER_TOPICS, homeOf } from './places/topics.ts';
import type { Post } from './sender.ts';
import type { World } from './world.ts';

/** Simulated milliseconds in which the proxy recovers after the last fault, without a restart. */
const RECOVERY_MS = 120_000;

/** Milliseconds that an answer may take in addition to `spool.after`. */
const ANSWER_MS = 2000;

/** The same while an operation of the disk takes 300 ms: a disk that does not answer has three seconds. */
const SLOW_DISK_MS = 3000;

interface Place extends Copy {
  /** Undefined if the topic is deleted. */
  readonly partition: number | undefined;
  /** The place in the order of all records: of a batch, and in it. */
  readonly commit: number;
}

type Written = BatchRecord & Place;

/** More than a batch has. */
const MAX_BATCH_RECORDS = 100_000;

/** Waits until the proxy has delivered everything. It has to do so by itself. */
export async function judgeRecovery(world: World, sending: readonly Promise<void>[]): Promise<void> {
  const { proxy, time } = world;
  if (!proxy) return;
  let isQuiet = false;
  void Promise.all(sending).then(() => (isQuiet = true));
  const from = time.monotonic.now();
  // A topic that has refused its last records, and gets no other one, is said to refuse records. Nothing tells otherwise.
  const isOutdated = (topic: string, problem: string) =>
    problem.includes('refuses every record') && (proxy.client.sentAt.get(topic) ?? 0) < from;
  const isDone = () =>
    isQuiet &&
    proxy.delivery.spooledEvents === 0 &&
    proxy.delivery.parked.length === 0 &&
    proxy.unanswered === 0 &&
    proxy.delivery.topics.every(({ topic, state, kafkaProblem, problem }) => {
      if (kafkaProblem !== undefined && isOutdated(topic, kafkaProblem)) return true;
      return state === 'straight' && kafkaProblem === undefined && problem === undefined;
    });
  while (!isDone() && time.monotonic.now() - from < RECOVERY_MS) await world.pass(100);
  world.recoveredAfterMs = time.monotonic.now() - from;
  world.tell(`recovered after ${time.monotonic.now() - from} ms`);
  if (!isDone()) {
    const states = proxy.delivery.topics.map(({ topic, state, kafkaProblem, problem, spooledEvents }) =>
      [topic, state, kafkaProblem, problem, spooledEvents].join(' '),
    );
    for (const { topic, events } of proxy.delivery.parked) states.push(`${events} events of ${topic} parked`);
    world.violate(`the proxy does not recover within ${RECOVERY_MS} ms: ${states.join('; ')}`);
    return;
  }
  await world.pass(2000);
  proxy.delivery.measure();
  const gauges = { queueBytes: proxy.metrics.queueBytes, queueEvents: proxy.metrics.queueEvents };
  for (const [name, gauge] of Object.entries(gauges)) {
    const value = await valueOf(gauge);
    if (value !== 0) world.violate(`${name} is ${value} although nothing waits`);
  }
  for (const { labels, value } of (await proxy.metrics.kafkaUp.get()).values) {
    const topic = String(labels.topic ?? '');
    const problem = proxy.delivery.statusOf(topic).kafkaProblem ?? '';
    if (value !== 1 && !isOutdated(topic, problem))
      world.violate(`kafka_up of ${topic} is ${value} after the recovery`);
  }
}

export async function judge(world: World, plan: DayPlan, all: readonly Post[]): Promise<void> {
  const records = recordsOf(world);
  const everywhere = Map.groupBy(records, ({ requestId }) => requestId);
  settleFates(all, everywhere);
  judgeFates(world, all, everywhere);
  const posts = mainPostsOf(all);
  const written = records.filter((record) => !FURTHER_TOPICS.includes(homeOf(record)));
  const byId = Map.groupBy(written, ({ requestId }) => requestId);
  const committed = new Map(
    [...byId].map(([id, records]) => [
      id,
      records.map(({ topic, partition, commit }) => {
        return { topic, partition, at: world.cluster.commitTimes[Math.floor(commit) - 1] ?? 0 };
      }),
    ]),
  );
  judgeAges(world, plan, posts, committed);
  judgeDisk(world);
  const left = leftOnDisk(world);
  for (const post of posts) judgePost(world, plan, post, byId.get(post.requestId) ?? [], left);
  const sendings = new SendingIndex(world.processes);
  judgeOrder(world, posts, byId, sendings);
  for (const topic of FURTHER_TOPICS) {
    const own = records.filter((record) => homeOf(record) === topic);
    const copies = Map.groupBy(own, ({ requestId }) => requestId);
    const copied = postsOf(all, topic);
    judgeFurther(world, topic, copied, copies);
    judgeOrder(world, copied, copies, sendings);
    await judgeDuplicates(world, copied, copies, sendings);
  }
  judgeDecisions(world, plan, committed);
  await judgeDuplicates(world, posts, byId, sendings);
  judgeAnswers(world, plan, all);
  judgeLogs(world);
  for (const process of world.processes) {
    const { client, number, stoppingSince, isKilled } = process;
    judgeReads(world, process, all);
    for (const text of await judgeCounters(process, all, stoppingSince < Infinity && !isKilled)) {
      world.violate(`process ${number}: ${text}`);
    }
    for (const violation of client.violations) world.violate(`process ${number}: ${violation}`);
  }
}

function recordsOf({ cluster }: World): Written[] {
  const entries: (Omit<Place, 'commit'> & { readonly entry: Entry })[] = [];
  for (const { topic, incarnation, partition: number, entry } of cluster.entries) {
    if (entry.commit === undefined) continue;
    const partition = cluster.topics.get(topic)?.incarnation === incarnation ? number : undefined;
    entries.push({ topic, incarnation, partition, batch: batchOf(topic, number, entry), entry });
  }
  const inOrder = entries.sort((a, b) => (a.entry.commit ?? 0) - (b.entry.commit ?? 0));
  return inOrder.flatMap(({ entry, ...place }) =>
    entry.batch.records.map((record, at) => {
      return { ...record, ...place, commit: (entry.commit ?? 0) + at / MAX_BATCH_RECORDS };
    }),
  );
}

function batchOf(topic: string, partition: number, { batch }: Entry): BatchName {
  const { producerId, epoch, firstSequence: sequence } = batch;
  return { topic, partition, producerId, epoch, sequence };
}

/** What is in the spool after the last stop, as text: an event that is kept there is not lost. */
function leftOnDisk({ disk }: World): string {
  return [...disk.contents().values()].map((bytes) => bytes.toString('latin1')).join('');
}

/** A kept event is in its topic, or with a good reason in the dead-letter topic, as it was posted. */
function judgePost(world: World, plan: DayPlan, post: Post, found: readonly Written[], left: string): void {
  const isKept =
    post.outcome === 'acknowledged' || post.outcome === 'spooled' || post.outcome === 'dead-letter';
  const isReference = post.fate.furtherTopics.length > 0 && world.destroyed !== '';
  if (isKept && found.length === 0 && !mayBeLost(world, post.requestId) && !isReference) {
    const where = left.includes(post.requestId) ? 'it is still on disk' : 'it is lost';
    world.violate(`${post.requestId} is ${post.outcome ?? ''} by process ${post.process}, and ${where}`);
  }
  for (const record of found) {
    if (!record.value.equals(post.event.bytes)) world.violate(`${post.requestId} has other bytes in Kafka`);
    if (post.event.key !== undefined && record.topic !== 'dead-letters' && record.key !== post.event.key) {
      world.violate(`${post.requestId} has the key ${record.key ?? 'null'}`);
    }
    const isStray = record.topic !== post.topic && !mayBeDeadLetter(plan, post);
    if (isStray) {
      const why = record.headers.get('dead-letter-reason') ?? record.headers.get('error') ?? '';
      world.violate(`${post.requestId} is in ${record.topic} instead of ${post.topic}: ${why}`);
    }
  }
}

/** The kept events of a sender are in the topic in the order of its posts: also of one that does not wait. */
function judgeOrder(
  world: World,
  posts: readonly Post[],
  byId: ReadonlyMap<string, readonly Written[]>,
  sendings: SendingIndex,
): void {
  const last = new Map<string, { commit: number; post: Post }>();
  // An operator sends a parked event behind younger ones.
  const late = new Set(world.decisions.map(({ requestId }) => requestId));
  for (const post of posts) {
    if (post.outcome !== 'acknowledged' && post.outcome !== 'spooled') continue;
    const records = byId.get(post.requestId) ?? [];
    const first = records.find(({ topic }) => topic === post.topic);
    // An event that has gone to the dead-letter topic comes to its topic later when a power cut has taken the mark of that.
    if (!first || late.has(post.requestId) || records.some(({ topic }) => topic !== post.topic)) continue;
    // Kafka refuses it, and the process ends before it is a dead letter. The next one tries its topic first.
    const writer = sendings.processOf(first.batch)?.number ?? 0;
    if (world.processes.some((one) => one.number < writer && sendings.isRefused(one, post.requestId)))
      continue;
    const line = `${post.sender} ${post.topic} ${post.event.key ?? ''}`;
    const before = last.get(line);
    if (before && before.commit > first.commit) {
      world.violate(
        `${post.requestId} (process ${post.process}, ${post.outcome}) is in ${post.topic} before ${before.post.requestId} (process ${before.post.process}, ${before.post.outcome ?? ''})`,
      );
    }
    if (!before || first.commit > before.commit) last.set(line, { commit: first.commit, post });
  }
}

/** Every answer comes in time, and a refusal has a cause. */
function judgeAnswers(world: World, plan: DayPlan, posts: readonly Post[]): void {
  const { settings, faults } = plan;
  const isSlow = faults.some(({ kind }) => kind.startsWith('disk-slow'));
  const limit = settings.spoolAfterMs + (isSlow ? SLOW_DISK_MS : ANSWER_MS) + 100 + stoppedMs(plan);
  const isTight = settings.spoolBytes < 2 ** 30 || settings.queueBytes < 2 ** 27;
  const isAged = settings.spoolMaxAgeMs < 60_000;
  const isDiskBad = faults.some(({ kind }) => DISK_FAULTS.has(kind));
  const slow: string[] = [];
  for (const post of posts) {
    if (post.answeredAt === undefined) {
      world.violate(`${post.requestId} has no answer`);
      continue;
    }
    const tookMs = post.answeredAt - post.postedAt;
    if (tookMs > limit && post.outcome !== 'lost') slow.push(`${post.requestId}: ${tookMs} ms`);
    // That of a dead letter is not judged, and a rule or a level needs no cause.
    if (post.outcome !== 'refused' || post.fate.kind !== 'topics') continue;
    const reason = post.refusal ?? '';
    const { stoppingSince = 0 } = world.processes[post.process - 1] ?? {};
    const isRight =
      (/stopping/.test(reason) && (isDiskBad || post.postedAt >= stoppingSince)) ||
      (isDiskBad && /disk/.test(reason)) ||
      (isTight && /spool is full|waiting in memory/.test(reason)) ||
      (isAged && /max_age/.test(reason)) ||
      (/^payload_too_large|^unavailable: Kafka refuses/.test(reason) && mayBeDeadLetter(plan, post));
    if (!isRight) world.violate(`${post.requestId} is refused without a cause: ${reason}`);
  }
  if (slow.length > 0)
    world.violate(`${slow.length} answers take longer than ${limit} ms: ${slow.slice(0, 3).join()}`);
}

function judgeLogs(world: World): void {
  for (const { log, number } of world.processes) {
    for (const { at, level, msg, members } of log) {
      const isDefect = /internal error|unexpectedly|cannot be understood|damaged/.test(msg);
      // A power cut may lose the first sectors of a write that was not synced, and keep later ones: that looks like damage.
      const isRight =
        /damaged/.test(msg) && (world.destroyed !== '' || world.powerCuts.some((cut) => at > cut));
      if (level >= 50 && isDefect && !isRight) {
        world.violate(`process ${number} logs: ${msg} ${JSON.stringify(members).slice(0, 300)}`);
      }
    }
  }
}

async function valueOf(metric: {
  get(): Promise<{ values: readonly { value: number }[] }>;
}): Promise<number> {
  return (await metric.get()).values[0]?.value ?? 0;
}
