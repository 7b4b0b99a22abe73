/** Runs a day by its plan, and judges it. */
import { DEFAULT_CONFIGS } from './cluster/topic.ts';
import { faults, type FaultPlan } from './faults.ts';
import type { Scene } from './faults/fault.ts';
import { judge, judgeRecovery } from './judgement.ts';
import { tellEvent } from './observation/event-story.ts';
import { DayWatch } from './observation/day-watch.ts';
import { RULE_LISTS } from './places/rule-lists.ts';
import { RulesFile } from './places/rules-file.ts';
import { COPIES, FURTHER_TOPICS, ROUTED } from './places/topics.ts';
import type { DayPlan } from './plan.ts';
import type { ProxySettings } from './proxy-process.ts';
import { Sender, type Post, type SenderPlan } from './sender.ts';
import { QUIET, World, type Episode } from './world.ts';

export interface DayResult {
  readonly plan: DayPlan;
  readonly violations: readonly string[];
  /** Those of them that break a promise to senders. */
  readonly broken: readonly string[];
  readonly trace: readonly string[];
  readonly posts: number;
  readonly simulatedMs: number;
}

/** Milliseconds of simulated time after which a day that does not end is a violation. */
const MAX_DAY_MS = 3_600_000;

const PROBE: SenderPlan = {
  name: 'probe',
  shape: 'run',
  manner: 'hasty',
  burst: 1,
  gapMs: 0,
  startMs: 0,
  pauseMs: 500,
  padding: 0,
  ageMs: 0,
};

/** Milliseconds that the last probe tries to get an event into Kafka, at most. */
const PROBE_MS = 100_000;

/** Milliseconds that the senders go on after the last fault. */
const AFTERMATH_MS = 15_000;

/** `event` is the id of an event: the trace then tells its way, too. */
export async function runDay(plan: DayPlan, event?: string): Promise<DayResult> {
  const world = new World(plan.seed, plan.cluster, plan.diskMs);
  const posts: Post[] = [];
  let isOver = false;
  const day = live(world, plan, posts)
    .catch((error: unknown) => {
      world.violate(
        `the day fails: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
    })
    .finally(() => (isOver = true));
  try {
    await world.time.until(() => isOver, MAX_DAY_MS);
    await day;
  } catch (error) {
    world.violate(`the day does not end: ${String(error)}`);
  }
  if (event !== undefined) tellEvent(world, posts, event);
  const simulatedMs = world.time.monotonic.now();
  const { violations, broken, trace } = world;
  return { plan, violations, broken, trace, posts: posts.length, simulatedMs };
}

async function live(world: World, plan: DayPlan, posts: Post[]): Promise<void> {
  let settings = plan.settings;
  if (plan.isRouted || plan.faults.some(({ kind }) => kind === 'rules-change'))
    world.rules = new RulesFile(RULE_LISTS[plan.rules] ?? []);
  for (const topic of [
    settings.mainTopic,
    settings.deadLetterTopic,
    COPIES,
    ...(world.rules ? [ROUTED] : []),
  ])
    world.cluster.createTopic(topic);
  const restart = async (next: ProxySettings): Promise<void> => {
    settings = next;
    if (!world.proxy) await world.start(next);
  };
  await restart(settings);
  await world.pass(1000);

  const watch = new DayWatch(world, posts);
  watch.start();
  const senders = plan.senders.map((sender) => new Sender(sender, world, posts));
  const sending = senders.map((sender) => sender.run());
  const scene: Scene = {
    world,
    restart,
    get settings() {
      return settings;
    },
  };
  const run = async (fault: FaultPlan): Promise<void> => {
    await world.pass(1 + fault.atMs);
    world.tell(`${faults[fault.kind].what(fault, scene)} (${fault.forMs} ms)`);
    const episode: Episode = {
      kind: fault.kind,
      from: world.time.monotonic.now(),
      to: Number.POSITIVE_INFINITY,
    };
    world.episodes.push(episode);
    await faults[fault.kind].run(fault, scene);
    episode.to = world.time.monotonic.now();
    world.tell(`${fault.name} ends`);
  };
  await Promise.all([world.pass(plan.lengthMs), ...plan.faults.map(run)]);
  repair(world, scene);
  if (!world.proxy) await restart(settings);
  // A topic counts as refusing until it takes a record. Other senders may have had their day.
  const letters: SenderPlan = { ...PROBE, name: 'letter-probe', shape: 'invalid' };
  const probes = [PROBE, letters].map((probe) => new Sender(probe, world, posts));
  sending.push(...probes.map((probe) => probe.run()));
  await world.pass(AFTERMATH_MS);
  for (const sender of [...senders, ...probes]) sender.end();
  world.tell('the last fault has ended, and the senders end');
  await judgeRecovery(world, [probeAfter(sending, world, posts)]);
  watch.end();
  await world.stop();
  await judge(world, plan, posts);
}

/** A patient sender may be refused last, by a size that the proxy remembers: the topic then counts as refusing. */
async function probeAfter(sending: readonly Promise<void>[], world: World, posts: Post[]): Promise<void> {
  await Promise.all(sending);
  const name = 'last-probe';
  const probe = new Sender({ ...PROBE, name }, world, posts);
  const probing = probe.run();
  const until = world.time.monotonic.now() + PROBE_MS;
  const isTaken = () => posts.some(({ sender, outcome }) => sender === name && outcome === 'acknowledged');
  while (!isTaken() && world.time.monotonic.now() < until) await world.pass(PROBE.pauseMs);
  probe.end();
  await probing;
}

/** Ends what overlapping faults may have left. */
function repair(world: World, { settings }: Scene): void {
  const { cluster, network, disk } = world;
  world.slowDisk(0);
  for (const { node } of cluster.brokers) {
    cluster.setBehind(node, false);
    void cluster.up(node);
  }
  const used = [settings, ...world.processes.map((process) => process.settings)];
  for (const { mainTopic, deadLetterTopic } of used)
    for (const topic of [mainTopic, deadLetterTopic, ...(world.rules ? FURTHER_TOPICS : [COPIES])])
      cluster.createTopic(topic);
  for (const topic of cluster.topics.values()) {
    topic.isAllowed = true;
    topic.refusedCodecs = new Map();
    topic.refuses = () => false;
    for (const [key, value] of DEFAULT_CONFIGS) topic.configs.set(key, value);
  }
  cluster.scripts.splice(0);
  cluster.refusedQuestions.clear();
  cluster.topicCodes.clear();
  cluster.replicationMs = 0;
  cluster.resumeReplication(false);
  Object.assign(network, QUIET);
  disk.capacity = Infinity;
  disk.operations.faults = {};
  world.proxy?.time.continue();
}
