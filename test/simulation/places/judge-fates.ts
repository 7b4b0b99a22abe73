/** Has each event become what the level and the rules make of it? */
import type { BatchRecord } from '../cluster/batch-content.ts';
import { judgeBy, type Post } from '../sender.ts';
import type { World } from '../world.ts';
import type { Fate } from './fate.ts';
import { FURTHER_TOPICS, homeOf } from './topics.ts';

type Placed = BatchRecord & { readonly topic: string };

/**
 * At a change of the rules, those before it and those after it are right: an event may wait for its check. Such an event
 * is then judged by those that explain most.
 */
export function settleFates(posts: readonly Post[], byId: ReadonlyMap<string, readonly Placed[]>): void {
  for (const post of posts) {
    if (post.laterFates.length === 0) continue;
    const homes = homesOf(byId.get(post.requestId));
    const misfit = (fate: Fate) =>
      (deviationOf(post, fate, homes) === undefined ? 0 : 100) +
      topicsOf(fate).filter((topic) => !homes.has(topic)).length;
    const [best = post.fate] = [post.fate, ...post.laterFates].sort((a, b) => misfit(a) - misfit(b));
    judgeBy(post, best);
  }
}

export function judgeFates(
  world: World,
  posts: readonly Post[],
  byId: ReadonlyMap<string, readonly Placed[]>,
): void {
  for (const post of posts) {
    const deviation = deviationOf(post, post.fate, homesOf(byId.get(post.requestId)));
    if (deviation !== undefined) world.violate(`${post.requestId} ${deviation}`);
  }
}

/** The posts that belong to the topic, each as one of that topic alone. */
export function postsOf(posts: readonly Post[], topic: string): Post[] {
  return posts
    .filter(({ fate }) => fate.kind === 'topics' && topicsOf(fate).includes(topic))
    .map((post) => ({ ...post, topic }));
}

/** The posts that belong to the main topic or to the dead-letter topic, or to none. */
export function mainPostsOf(posts: readonly Post[]): Post[] {
  return posts.filter(({ topic }) => !FURTHER_TOPICS.includes(topic));
}

function homesOf(records: readonly Placed[] = []): ReadonlySet<string> {
  return new Set(records.map(homeOf));
}

function topicsOf({ topic, furtherTopics }: Fate): string[] {
  return [topic, ...furtherTopics];
}

/** Undefined if all is as it must be. Whether the main topic rightly refused an event is not judged here. */
function deviationOf(post: Post, fate: Fate, homes: ReadonlySet<string>): string | undefined {
  const deviation = answerDeviationOf(post, fate) ?? placeDeviationOf(fate, homes);
  if (deviation === undefined) return undefined;
  const must =
    fate.kind === 'topics' ? `it belongs to ${topicsOf(fate).join(' and ')}` : `it must be ${fate.kind}`;
  return `${deviation}, and ${must}${fate.rule === undefined ? '' : ` by rule ${fate.rule}`}`;
}

function answerDeviationOf({ outcome, refusal = '' }: Post, { kind, code }: Fate): string | undefined {
  if (outcome === undefined || outcome === 'lost') return undefined;
  const [said = ''] = refusal.split(':', 1);
  const isJudged = said === 'invalid_request' || said === 'refused_by_rule';
  const isRight = {
    topics: outcome !== 'dropped' && outcome !== 'dead-letter' && !isJudged,
    'dead-letter': outcome === 'dead-letter' || (outcome === 'refused' && !isJudged),
    refused: outcome === 'refused' && said === code,
    dropped: outcome === 'dropped',
  };
  return isRight[kind] ? undefined : `is ${outcome} ${refusal}`;
}

function placeDeviationOf(fate: Fate, homes: ReadonlySet<string>): string | undefined {
  const isFurther = (topic: string) => FURTHER_TOPICS.includes(topic);
  const isNowhere = fate.kind === 'refused' || fate.kind === 'dropped';
  const belongs = topicsOf(fate);
  // The main topic and its dead letters are judged with the day's faults.
  const isMain = belongs.some((topic) => !isFurther(topic));
  const strays = [...homes].filter(
    (home) => isNowhere || (isFurther(home) ? !belongs.includes(home) : !isMain),
  );
  return strays.length === 0 ? undefined : `is in ${strays.join(' and ')}`;
}
