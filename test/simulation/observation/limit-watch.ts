/** After the limit of a topic is raised, events that fit are refused for a short time only. */
import type { Post } from '../sender.ts';
import type { World } from '../world.ts';

/** Milliseconds from the first such refusal until the proxy must have asked for the limit. */
const LEARN_MS = 12_000;

/** MESSAGE_TOO_LARGE and RECORD_LIST_TOO_LARGE. */
const SIZES: ReadonlySet<number> = new Set([10, 18]);

export class LimitWatch {
  readonly #world: World;
  #limit = 0;
  /** When the limit was raised; infinite if it was lowered since. On the monotonic clock. */
  #raisedAt = Number.POSITIVE_INFINITY;
  /** The first post that was refused by the limit before. */
  #staleAt = Number.POSITIVE_INFINITY;
  #process = 0;
  #seen = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** Reads the answers of the last seconds. Returns what is wrong. */
  judge(posts: readonly Post[], process: number, topicName: string, now: number): string | undefined {
    const { cluster, network } = this.#world;
    const limit = Number(cluster.topics.get(topicName)?.configs.get('max.message.bytes') ?? 0);
    if (limit !== this.#limit || process !== this.#process) {
      this.#raisedAt = limit > this.#limit ? now : Number.POSITIVE_INFINITY;
      this.#staleAt = Number.POSITIVE_INFINITY;
    }
    this.#limit = limit;
    this.#process = process;
    const isAnswering = cluster.brokers.every(({ state, slowMs }) => state === 'up' && slowMs === 0);
    // Without an answer the proxy learns no limit. A broker may refuse a size for another reason.
    // a broker that refuses a size for another reason.
    const isRefusing = cluster.scripts.some(
      ({ topic, errorCode }) => topic === topicName && SIZES.has(errorCode),
    );
    const isAsked = cluster.refusedQuestions.size === 0 && !cluster.options.hidesConfigs;
    if (!isAnswering || network.isCut || !isAsked || isRefusing) {
      this.#staleAt = Number.POSITIVE_INFINITY;
      if (this.#raisedAt < now) this.#raisedAt = now;
    }
    const from = Math.max(0, this.#seen - 500);
    this.#seen = posts.length;
    for (const post of posts.slice(from)) {
      if (post.process !== process || post.topic !== topicName || post.postedAt <= this.#raisedAt) continue;
      if (!fits(post, limit)) continue;
      this.#staleAt = Math.min(this.#staleAt, post.postedAt);
      const lateMs = post.postedAt - this.#staleAt;
      if (lateMs > LEARN_MS)
        return `${post.requestId} is refused by a limit that was raised, ${lateMs} ms after the first`;
    }
    return undefined;
  }
}

/** Was it refused as too large although it fits? */
function fits({ refusal = '' }: Post, limit: number): boolean {
  const [, bytes] = /^payload_too_large: .* needs (\d+) bytes/.exec(refusal) ?? [];
  return bytes !== undefined && Number(bytes) <= limit;
}
