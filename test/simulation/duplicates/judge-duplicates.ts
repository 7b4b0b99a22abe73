/**
 * Events that are in a topic more often than once. Each further copy has one of three explanations:
 *
 * - A broker has taken the same batch again. The process can know it only of records that are a day old by its own clock:
 *   then it counts each attempt. Of any other batch no client can know.
 * - The process has put the event into another batch although the first one may be in the topic. It counts that always,
 *   and does it only where the first batch can never be taken as it is.
 * - A later process has found the event on disk. If the mark says that it was sent, that process counts it when it starts.
 *   The mark may be missing only where nothing could have written it, or where a fault has changed it.
 *
 * So for each process, it follows how much its metric must say.
 */
import type { FaultKind } from '../faults.ts';
import {
  isAcknowledged,
  isRefusedAsItIs,
  isUncertain,
  nameOf,
  type BatchName,
  type Sending,
} from '../observation/sendings.ts';
import type { SendingIndex } from '../observation/sending-index.ts';
import type { ProxyProcess } from '../proxy-process.ts';
import type { Post } from '../sender.ts';
import type { World } from '../world.ts';
import type { FoundEvent } from './found-events.ts';

/** A record in a topic. */
export interface Copy {
  readonly topic: string;
  /** Two topics of one name, one made after the other was deleted, are two. */
  readonly incarnation: number;
  /** The batch that brought it. */
  readonly batch: BatchName;
}

/** Bytes. A request that is lost with fewer of them is not split (request-sizes.ts). */
const SPLIT_BYTES = 64 * 1024;

/** Milliseconds in which brokers may still tell of what was before a change. */
const OLD_VIEW_MS = 60_000;

/**
 * Faults after which the records of a batch go in another one without an answer to it: its partition is gone, or seems to
 * be, or the topic takes it in no form.
 */
const LEAVING: ReadonlySet<FaultKind> = new Set<FaultKind>([
  ...(['topic-deleted', 'topic-remade', 'letters-deleted', 'broker-behind', 'partitions-added'] as const),
  ...(['letters-parked', 'operator-retries', 'operator-drops'] as const),
  ...(['limit-lowered', 'limit-lowered-in-flight'] as const),
]);

/** How many possible duplicates a process must have counted, beside those that it found. */
interface Account {
  count: number;
  readonly examples: Set<string>;
}

export async function judgeDuplicates(
  world: World,
  posts: readonly Post[],
  copies: ReadonlyMap<string, readonly Copy[]>,
  sendings: SendingIndex,
): Promise<void> {
  const judgement = new DuplicateJudgement(world, posts, sendings);
  for (const [id, all] of copies) {
    if (id === '') continue;
    const places = Map.groupBy(all, ({ topic, incarnation }) => `${topic} ${incarnation}`);
    for (const some of places.values()) if (some.length > 1) judgement.copies(id, some);
  }
  for (const post of posts) {
    const written = copies.get(post.requestId);
    if (post.outcome === 'refused' && written) judgement.refused(post, written);
  }
  await judgement.end();
}

class DuplicateJudgement {
  readonly #world: World;
  readonly #posts: ReadonlyMap<string, Post>;
  readonly #sendings: SendingIndex;
  /** By the number of the process. */
  readonly #accounts = new Map<number, Account>();
  readonly #baseless: string[] = [];
  readonly #repeated: string[] = [];

  constructor(world: World, posts: readonly Post[], sendings: SendingIndex) {
    this.#world = world;
    this.#posts = new Map(posts.map((post) => [post.requestId, post]));
    this.#sendings = sendings;
  }

  /** Judges the copies of one event in one topic. */
  copies(id: string, copies: readonly Copy[]): void {
    const byProcess = Map.groupBy(copies, ({ batch }) => this.#sendings.processOf(batch));
    let before: ProxyProcess | undefined;
    for (const process of this.#world.processes) {
      const own = byProcess.get(process);
      if (!own) continue;
      this.#ofOne(process, id, own);
      if (before) this.#ofTwo(before, process, id, own[0]?.topic ?? '');
      before = process;
    }
  }

  /** A refused event is in a topic: its sender may post it again. */
  refused({ requestId: id, process: number, postedAt, answeredAt = 0 }: Post, copies: readonly Copy[]): void {
    const process = this.#world.processes[number - 1];
    const writers = copies.map(({ batch }) => this.#sendings.processOf(batch));
    const later = this.#world.processes.find((one) => writers.includes(one));
    if (!process || !later) return;
    // A later process has found it in what a failed write has left.
    const isLeft =
      later !== process && (answeredAt >= process.unmarkedSince || this.#isPowerCut(postedAt, later));
    if (!isLeft && !this.#isCounted(process, later, id)) this.#charge(process, id, 1);
  }

  async end(): Promise<void> {
    for (const process of this.#world.processes) {
      const { number, found, countedAtStart } = process;
      const sent = found.filter(({ isSent }) => isSent).length;
      if (countedAtStart < sent)
        this.#world.violate(
          `process ${number} finds ${sent} sent events, and its metric says ${countedAtStart}`,
        );
      const { count, examples } = this.#accounts.get(number) ?? { count: 0, examples: new Set() };
      const said = (await process.possibleDuplicates()) - countedAtStart;
      if (count > said)
        this.#world.violate(
          `process ${number} must know of ${count} possible duplicates (${[...examples].join()}), and its metric says ${said}`,
        );
    }
    this.#tell(this.#baseless, 'duplicates without a cause');
    this.#tell(this.#repeated, 'acknowledged events are sent by the next process again');
  }

  #tell(ids: readonly string[], what: string): void {
    if (ids.length > 0) this.#world.violate(`${ids.length} ${what} (${ids.slice(0, 3).join()})`);
  }

  /** The copies of one process. */
  #ofOne(process: ProxyProcess, id: string, copies: readonly Copy[]): void {
    const batches = [...Map.groupBy(copies, ({ batch }) => nameOf(batch))].map(([name, same]) => {
      return { sendings: this.#sendings.of(name), times: same.length };
    });
    batches.sort((a, b) => (a.sendings[0]?.at ?? 0) - (b.sendings[0]?.at ?? 0));
    for (const { sendings, times } of batches) {
      const isUnknown = (at: number) => sendings.slice(0, at).some(isUncertain);
      const counted = sendings.filter(({ isOld }, at) => isOld && isUnknown(at)).length;
      this.#charge(process, id, Math.min(times - 1, counted));
    }
    // An event and its dead letter may both be on disk: the mark of the first was not written any more.
    const found = this.#foundBy(process, id, copies[0]?.topic).length;
    const further = batches.length - Math.max(1, found);
    if (further <= 0) return;
    this.#charge(process, id, further);
    const isOrdinary = copies[0]?.topic === this.#posts.get(id)?.topic && !this.#isDecided(id);
    for (const [at, { sendings }] of batches.slice(0, -1).entries()) {
      const next = batches[at + 1]?.sendings[0];
      if (isOrdinary && next && !this.#mayBeLeft(sendings, next)) this.#baseless.push(id);
    }
  }

  /** May the records of a batch go again in another one? */
  #mayBeLeft(sendings: readonly Sending[], next: Sending): boolean {
    const first = sendings[0]?.at ?? 0;
    return (
      sendings.some(
        (one) => isRefusedAsItIs(one) || (one.bytes >= SPLIT_BYTES && one.errorCode === undefined),
      ) ||
      this.#world.episodes.some(
        ({ kind, from, to }) => LEAVING.has(kind) && from <= next.at && to >= first - OLD_VIEW_MS,
      )
    );
  }

  /** A process has written the event, and a later one has found it on disk and written it again. */
  #ofTwo(before: ProxyProcess, after: ProxyProcess, id: string, topic: string): void {
    const own = this.#sendings.with(before, id);
    const ofTopic = own.filter((one) => one.topic === topic);
    const first = (ofTopic[0] ?? own[0])?.at ?? 0;
    if (this.#isChanged(id) || this.#isPowerCut(first, after) || this.#isFoundTwice(before, id, topic))
      return;
    const heard = ofTopic.find(isAcknowledged)?.heardAt;
    // A dead letter that is acknowledged late may stand for an event that is parked.
    const isOrdinary = topic === this.#posts.get(id)?.topic && !this.#isDecided(id);
    if (isOrdinary && heard !== undefined && !this.#mayBeUnmarked(before, after, id, topic, () => heard))
      this.#repeated.push(id);
    if (this.#isCounted(before, after, id, topic)) return;
    const sentAt = ({ path }: FoundEvent) => {
      if (path.includes('/parked/')) return own.at(-1)?.at;
      return own.find((one) => path.includes(`/${one.topic}/`))?.at;
    };
    if (!this.#mayBeUnmarked(before, after, id, topic, sentAt)) this.#charge(before, id, 1);
  }

  /** Has a process found the event with a mark that says that it was sent? It was one after `before`, up to `after`. */
  #isCounted(before: ProxyProcess, after: ProxyProcess, id: string, topic?: string): boolean {
    return this.#foundAfter(before, after, id, topic).some(({ isSent }) => isSent);
  }

  #foundAfter(before: ProxyProcess, after: ProxyProcess, id: string, topic?: string): FoundEvent[] {
    return this.#world.processes
      .slice(before.number, after.number)
      .flatMap((process) => this.#foundBy(process, id, topic));
  }

  /** The files from which the process may write the event to the topic; to any topic without one. */
  #foundBy({ found, settings }: ProxyProcess, id: string, topic?: string): FoundEvent[] {
    // Every event may become a dead letter.
    const isOfAny = topic === undefined || topic === settings.deadLetterTopic;
    return found.filter(
      ({ requestId, path }) => requestId === id && (isOfAny || path.includes(`/${topic}/`)),
    );
  }

  /** May the end of the process have come before a mark that was set at `setAt`, or when the event was on disk? */
  #mayBeUnmarked(
    before: ProxyProcess,
    after: ProxyProcess,
    id: string,
    topic: string,
    setAt: (found: FoundEvent) => number | undefined,
  ): boolean {
    const { outcome, answeredAt = 0, process, topic: own } = this.#posts.get(id) ?? {};
    return this.#foundAfter(before, after, id, topic).some((found) => {
      // The sender heard it at the moment at which the event was on disk.
      const isHeard =
        outcome === 'spooled' && process === before.number && found.path.includes(`/topics/${own ?? ''}/`);
      const keptAt = isHeard ? answeredAt : this.#world.marks.writtenAt(found.path);
      return Math.max(setAt(found) ?? Number.POSITIVE_INFINITY, keptAt) >= before.unmarkedSince;
    });
  }

  /**
   * Has a process found the event in two files? It was moved from one to the other, and the mark of the first was lost.
   * The process delivers one of them, and a later one may deliver the other: a parked letter waits.
   */
  #isFoundTwice(process: ProxyProcess, id: string, topic: string): boolean {
    if (this.#foundBy(process, id, topic).length < 2) return false;
    const { postedAt = 0, process: number = 1 } = this.#posts.get(id) ?? {};
    const earlier = this.#world.processes.slice(number - 1, process.number - 1);
    return this.#isPowerCut(postedAt, process) || earlier.some((one) => Number.isFinite(one.unmarkedSince));
  }

  #isChanged(id: string): boolean {
    return this.#world.remarked.includes(id);
  }

  /** Marks are not synced. */
  #isPowerCut(from: number, { startedAt }: ProxyProcess): boolean {
    return this.#world.powerCuts.some((at) => at >= from && at <= startedAt);
  }

  #isDecided(id: string): boolean {
    return this.#world.decisions.some(({ requestId }) => requestId === id);
  }

  #charge({ number }: ProxyProcess, id: string, times: number): void {
    if (times <= 0) return;
    const account = this.#accounts.get(number) ?? { count: 0, examples: new Set() };
    account.count += times;
    if (account.examples.size < 3) account.examples.add(id);
    this.#accounts.set(number, account);
  }
}
