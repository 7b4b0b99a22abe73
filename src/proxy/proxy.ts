/** The proxy opens the front and the core, listens until it is told to stop, and then closes what takes events first. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Loaded, Refused } from '../config/load.ts';
import type { Settings } from '../config/schema/schema.ts';
import { shownSettings } from '../config/shown-settings.ts';
import { readEnvironment } from '../config/sources/environment.ts';
import { openLog, type FrequentLines, type Logger } from '../log.ts';
import { createMetrics } from '../metrics/metrics.ts';
import { LiveStreams } from '../page/live-streams.ts';
import { Watch } from '../page/watch.ts';
import { systemTime } from '../support/time.ts';
import { MAX_TAPS } from './control/tap.ts';
import { Core } from './core.ts';
import { Front } from './front.ts';
import { setInitialMetrics } from './initial-metrics.ts';
import { openTracing } from '../tracing/open-tracing.ts';
import { ignoreUserSignals, onHangup, stopSignal } from './signals.ts';
import { StartError } from './start-error.ts';
import { version } from '../version.ts';

/**
 * Java's clients reuse a connection that is idle for up to 5 s. They lose the event if the proxy closes that
 * connection meanwhile.
 */
const REUSE_MS = 5000;

/** Most milliseconds that the proxy waits for Kafka's last answers after Ctrl-C. */
const IMPATIENT_MS = 2000;

/** Most milliseconds that the stop waits for the exporter of traces. */
const LAST_TRACES_MS = 1000;

/** Reads all settings again from their sources. */
type LoadAgain = () => Loaded | Refused;

/**
 * Runs the proxy until it is told to stop. Sets the exit code. Never rejects for an error that an operator can
 * correct.
 */
export async function runProxy(loaded: Loaded, load: LoadAgain): Promise<void> {
  const { settings, notices } = loaded;
  const { log, frequent } = openLog({ ...settings.logging, level: levelOf(settings) }, version);
  ignoreUserSignals(log);
  for (const notice of notices) log.info(notice);
  try {
    await run(loaded, load, log, frequent);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    log.fatal(error.message);
    process.exitCode = 1;
  }
}

/** @throws {StartError} if the proxy cannot start. Then nothing stays open. */
async function run(loaded: Loaded, load: LoadAgain, log: Logger, accessLog: FrequentLines): Promise<void> {
  const { settings } = loaded;
  const metrics = createMetrics();
  setInitialMetrics(metrics, settings);
  await using opening = new AsyncDisposableStack();
  const watch = new Watch(systemTime);
  const tracing = openTracing(readEnvironment(), log);
  opening.defer(() => tracing?.close(LAST_TRACES_MS));
  // The front first: a wrong certificate or senders file shows before the core takes up its work.
  const front = await Front.open(settings, watch, metrics, log, accessLog, tracing);
  opening.defer(() => front.close());
  onHangup(() => readAgain(front, load, log));
  const core = await Core.open(settings, metrics, log, new LiveStreams(watch, MAX_TAPS, systemTime), tracing);
  opening.defer(() => core.abandon());
  front.useTopics(core.delivery);
  core.start();
  const [address, monitoring] = await front.listen(core.delivery, shownSettings(loaded));
  opening.move();
  // This comes before the log says that the proxy is up. A program that waits for that line may stop the proxy at
  // once.
  const toldToStop = stopSignal();
  log.info(`http2kafka ${version} listens on ${address}`);
  if (monitoring !== undefined) log.info(`monitoring listens on ${monitoring}, too`);
  front.warn();

  const signal = await toldToStop;
  // A person who presses Ctrl-C wants a quick end. An orchestrator that sends SIGTERM wants no event lost.
  const isImpatient = signal === 'SIGINT';
  const graceMs = settings.server.gracefulShutdownTimeoutS * 1000;
  const deadline = performance.now() + graceMs;
  front.announceStop();
  const delayMs = isImpatient ? 0 : Math.min(settings.server.shutdownDelay, graceMs);
  if (delayMs > 0) {
    log.info(`${signal}: not ready from now on, and still taking requests for ${delayMs / 1000} s`);
    await sleep(delayMs);
  }
  log.info(`${signal}: finishing what is in hand`);
  core.hurry();
  const restMs = Math.max(0, deadline - performance.now());
  await front.stop(isImpatient ? 0 : Math.min(REUSE_MS, restMs), restMs);
  await core.stop(isImpatient ? Math.min(deadline, performance.now() + IMPATIENT_MS) : deadline);
  await front.close();
  await tracing?.close(LAST_TRACES_MS);
  log.info('stopped');
}

function levelOf({ logging, server }: Settings): string {
  return server.debug ? 'debug' : logging.level;
}

/** Reads the files that may change and `logging.level` again, and logs one line about it. */
function readAgain(front: Front, load: LoadAgain, log: Logger): void {
  const failed = [...front.reload()];
  const loaded = load();
  if ('errors' in loaded) {
    const errors = loaded.errors.map(({ place, message }) => `${place}: ${message}`).join('; ');
    failed.push(`logging.level (${errors})`);
  } else if (loaded.settings.logging.enabled) log.level = levelOf(loaded.settings);
  if (failed.length > 0) log.error(`SIGHUP: what was in use before stays in use: ${failed.join(', ')}`);
  else
    log.info(
      'SIGHUP: the senders file, the certificates, the file of routing rules and logging.level were read again',
    );
}
