/** What a fault is, and how faults are made of others. */
import type { ProxySettings } from '../proxy-process.ts';
import type { World } from '../world.ts';

/** When a fault of a day begins, and how long it lasts. */
export interface FaultTimes {
  /** Milliseconds from the start of the day. */
  readonly atMs: number;
  readonly forMs: number;
  /** Chooses a broker, a code, an amount: each fault uses it in its own way. */
  readonly choice: number;
}

/** What a fault works on. */
export interface Scene {
  readonly world: World;
  readonly settings: ProxySettings;
  /** Starts the proxy again with these settings. */
  readonly restart: (settings: ProxySettings) => Promise<void>;
}

export interface Fault {
  /** The fault in words, for the trace. */
  readonly what: (plan: FaultTimes, scene: Scene) => string;
  /** Begins the fault. Resolves when it has ended. */
  readonly run: (plan: FaultTimes, scene: Scene) => Promise<void>;
}

/** Milliseconds that the proxy has no Kafka before a fault in an outage begins, at least. */
const OUTAGE_MS = 1500;

/** A fault that begins, lasts, and ends. `begin` may return how to end it. */
export function lasting(
  what: Fault['what'],
  begin: (scene: Scene, plan: FaultTimes) => unknown,
  end: (scene: Scene, plan: FaultTimes) => unknown = () => undefined,
): Fault {
  return {
    what,
    async run(plan, scene) {
      const undo = begin(scene, plan);
      await scene.world.pass(plan.forMs);
      if (isFunction(undo)) undo();
      end(scene, plan);
    },
  };
}

/** The same fault while the proxy reaches no broker: a little after that begins, and a little before it ends. */
export function inOutage(fault: Fault): Fault {
  return {
    what: (plan, scene) => `the proxy reaches no broker, and then: ${fault.what(plan, scene)}`,
    async run(plan, scene) {
      const { network } = scene.world;
      network.isCut = true;
      await scene.world.pass(OUTAGE_MS + (plan.choice % 4000));
      await fault.run(plan, scene);
      await scene.world.pass(plan.choice % 2000);
      network.isCut = false;
    },
  };
}

export function pick<Item>(items: readonly Item[], choice: number): Item {
  const item = items[choice % items.length];
  if (item === undefined) throw new Error('nothing to choose from');
  return item;
}

function isFunction(value: unknown): value is () => void {
  return typeof value === 'function';
}
