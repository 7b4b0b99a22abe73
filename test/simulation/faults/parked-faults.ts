/** Faults that park events: neither their own topic nor the dead-letter topic takes them. An operator may decide on them. */
import { decodeParked } from '../../../src/delivery/parked/parked-record.ts';
import type { Decided, ParkedControl } from '../../../src/delivery/port.ts';
import { decodeRecord } from '../../../src/delivery/spooled-record.ts';
import type { World } from '../world.ts';
import { pick, type Fault, type FaultTimes, type Scene } from './fault.ts';
import { isRefusedRecord } from './refused-records.ts';
import { change, configure } from './topic-changes.ts';

export const parkedFaults = {
  'letters-parked': parking(),
  'operator-retries': parking('retry'),
  'operator-drops': parking('drop'),
} satisfies Record<string, Fault>;

/** Which records the main topic refuses during such a fault. */
export function parkedRefuses({ choice }: FaultTimes): (requestId: string) => boolean {
  return choice % 2 === 0 ? isRefusedRecord : () => true;
}

/** Ways in which the dead-letter topic takes no letters. */
const LETTER_TROUBLE: readonly {
  what: string;
  begin: (scene: Scene) => void;
  end: (scene: Scene) => void;
}[] = [
  {
    what: 'refuses all',
    begin: (scene) => change(scene, 'deadLetterTopic', (topic) => (topic.refuses = () => true)),
    end: (scene) => change(scene, 'deadLetterTopic', (topic) => (topic.refuses = () => false)),
  },
  {
    what: 'may not be written to',
    begin: (scene) => change(scene, 'deadLetterTopic', (topic) => (topic.isAllowed = false)),
    end: (scene) => change(scene, 'deadLetterTopic', (topic) => (topic.isAllowed = true)),
  },
  {
    what: 'is missing',
    begin: ({ world, settings }) => world.cluster.deleteTopic(settings.deadLetterTopic),
    end: ({ world, settings }) => world.cluster.createTopic(settings.deadLetterTopic),
  },
  {
    what: 'takes 300 bytes a batch',
    begin: (scene) => configure(scene, 'max.message.bytes', 300, 'deadLetterTopic'),
    end: (scene) => configure(scene, 'max.message.bytes', undefined, 'deadLetterTopic'),
  },
];

/** Milliseconds before the fault ends at which the operator acts first. Some events are parked then. */
const FIRST_ACT_MS = 1000;

function parking(act?: 'retry' | 'drop'): Fault {
  return {
    what: ({ choice }) =>
      `no broker is reached for a while, then the main topic refuses records, and the dead-letter topic ${pick(LETTER_TROUBLE, choice).what}${act === undefined ? '' : `; an operator decides: ${act}`}`,
    async run(plan, scene) {
      const { world } = scene;
      world.network.isCut = true;
      await world.pass(2000 + (plan.choice % 3000));
      change(scene, 'mainTopic', (topic) => (topic.refuses = parkedRefuses(plan)));
      const trouble = pick(LETTER_TROUBLE, plan.choice);
      trouble.begin(scene);
      world.network.isCut = false;
      await world.pass(plan.forMs);
      // In vain, as long as no topic takes them.
      if (act === 'retry') await decide(world, act, plan);
      await world.pass(FIRST_ACT_MS);
      change(scene, 'mainTopic', (topic) => (topic.refuses = () => false));
      if (act) await decide(world, act, plan);
      // Sometimes the dead-letter topic is well again before the main topic, sometimes after it.
      await world.pass(plan.choice % 5000);
      trouble.end(scene);
    },
  };
}

/** An operator lists the parked events, and decides on all or on half of them. */
async function decide(world: World, act: 'retry' | 'drop', { choice }: FaultTimes): Promise<void> {
  const { proxy } = world;
  if (!proxy || proxy.time.isStopped) return;
  world.operatorActs += 1;
  const requests = await parkedOf(world);
  const ids = [...requests.keys()].filter((_, at) => choice % 3 === 0 || at % 2 === 0);
  const control: ParkedControl = proxy.delivery.parkedControl;
  const decided: Decided[] = [];
  const tell = async (one: Decided): Promise<boolean> => {
    decided.push(one);
    world.decisions.push({ ...one, requestId: requests.get(one.id) ?? '', at: world.time.monotonic.now() });
    await world.pass(1);
    return true;
  };
  world.tell(`an operator decides on ${ids.length} parked events: ${act}`);
  // The proxy may stop or die meanwhile.
  await Promise.race([
    control[act](ids, tell).catch((error: unknown) => world.tell(String(error))),
    proxy.death,
  ]);
  const counts = Map.groupBy(decided, ({ outcome }) => outcome);
  world.tell([...counts].map(([outcome, all]) => `${all.length} ${outcome}`).join(', ') || 'none');
  const isWhole = !proxy.time.isDead && proxy.stoppingSince === Number.POSITIVE_INFINITY;
  const heard = new Set(decided.map(({ id }) => id));
  const unheard = ids.filter((id) => !heard.has(id));
  if (isWhole && unheard.length > 0)
    world.violate(`an operator decides on ${ids.length} events, and does not hear of ${unheard.length}`);
}

/** The requests that brought the parked events, by the id that an operator sees. */
async function parkedOf({ proxy }: World): Promise<ReadonlyMap<string, string>> {
  const requests = new Map<string, string>();
  if (!proxy) return requests;
  for (const topic of proxy.spool.parkedTopics) {
    for await (const { payload, arrivedAt } of proxy.spool.parked(topic).scan()) {
      const parked = decodeParked(topic, payload, arrivedAt);
      const { headers } = decodeRecord(topic, parked.payload, arrivedAt);
      const found = headers.find(({ name }) => name.toString() === 'correlation_id');
      requests.set(parked.id, found?.value.toString() ?? '');
    }
  }
  return requests;
}
