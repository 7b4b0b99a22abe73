/** Delivers the events of a spool to Kafka without listening: of a volume that was left over, or of a host that goes. */
import type { Settings } from '../config/schema/schema.ts';
import { openLog } from '../log.ts';
import { createMetrics } from '../metrics/metrics.ts';
import { sleep, systemTime } from '../support/time.ts';
import { version } from '../version.ts';
import { Core } from './core.ts';
import { ignoreUserSignals, stopSignal } from './signals.ts';

export interface Drained {
  /** Events that are in Kafka now, or in the dead-letter topic. */
  readonly delivered: number;
  /** Events that stay in the spool. */
  readonly left: number;
  /** Events that no topic takes. They stay on disk. */
  readonly parked: number;
  /** Why each topic with events cannot be written to, as far as known. */
  readonly problems: readonly string[];
}

/** Milliseconds between two polls of the spool. */
const POLL_MS = 100;

/** Milliseconds to wait for Kafka's last answers. */
const LAST_ANSWERS_MS = 5000;

/**
 * Resolves when the spool is empty, after `timeoutMs`, or after a signal to stop. `tell` hears of the number of events
 * that are left, often.
 * @throws {StartError} for a problem that an operator can repair, as a spool that another process uses.
 */
export async function drainSpool(
  settings: Settings,
  timeoutMs: number,
  tell: (left: number) => void,
): Promise<Drained> {
  const { log } = openLog(settings.logging, version);
  ignoreUserSignals(log);
  const core = await Core.open(settings, createMetrics(), log);
  const { delivery } = core;
  const before = delivery.spooledEvents;
  const stopping = new AbortController();
  void stopSignal().then(() => stopping.abort());
  const end = systemTime.monotonic.now() + timeoutMs;
  core.start();
  while (delivery.spooledEvents > 0 && !stopping.signal.aborted && systemTime.monotonic.now() < end) {
    tell(delivery.spooledEvents);
    await sleep(systemTime, POLL_MS);
  }
  const problems = delivery.topics
    .filter(({ spooledEvents }) => spooledEvents > 0)
    .map(({ topic, kafkaProblem, state }) => `${topic}: ${kafkaProblem ?? state}`);
  await core.stop(systemTime.monotonic.now() + LAST_ANSWERS_MS);
  const left = delivery.spooledEvents;
  const parked = delivery.parked.reduce((sum, { events }) => sum + events, 0);
  return { delivered: before - left, left, parked, problems: left > 0 ? problems : [] };
}
