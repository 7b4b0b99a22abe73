/** The proxy opens the front and the core, listens until it is told to stop, and then closes what takes events first. */
import type { Logger } from 'pino';
import type { Settings } from '../config/schema/schema.ts';
import { createLogger } from '../log.ts';
import { createMetrics } from '../metrics/metrics.ts';
import { Core } from './core.ts';
import { Front } from './front.ts';
import { StartError } from './start-error.ts';
import { version } from '../version.ts';

/**
 * Java's clients reuse a connection that is idle for up to 5 s. They lose the event if the proxy closes that
 * connection meanwhile.
 */
const REUSE_MS = 5000;

/** Most milliseconds that the proxy waits for Kafka's last answers after Ctrl-C. */
const IMPATIENT_MS = 2000;

/**
 * Runs the proxy until it is told to stop. Sets the exit code. Never rejects for an error that an operator can
 * correct.
 */
export async function runProxy(settings: Settings, notices: readonly string[]): Promise<void> {
  const { debug } = settings.server;
  const log = createLogger(debug ? { ...settings.logging, level: 'debug' } : settings.logging);
  for (const notice of notices) log.info(notice);
  try {
    await run(settings, log);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    log.fatal(error.message);
    process.exitCode = 1;
  }
}

/** @throws {StartError} if the proxy cannot start. Then nothing stays open. */
async function run(settings: Settings, log: Logger): Promise<void> {
  const metrics = createMetrics();
  await using opening = new AsyncDisposableStack();
  // The front first: a wrong certificate or senders file shows before the core takes up its work.
  const front = await Front.open(settings, metrics, log);
  opening.defer(() => front.close());
  const core = await Core.open(settings, metrics, log);
  opening.defer(() => core.abandon());
  core.start();
  const address = await front.listen(core.delivery);
  opening.move();
  // This comes before the log says that the proxy is up. A program that waits for that line may stop the proxy at
  // once.
  const toldToStop = stopSignal();
  log.info(`http2kafka ${version} listens on ${address}`);
  front.warn();

  const signal = await toldToStop;
  log.info(`${signal}: finishing what is in hand`);
  // A person who presses Ctrl-C wants a quick end. An orchestrator that sends SIGTERM wants no event lost.
  const isImpatient = signal === 'SIGINT';
  const graceMs = settings.server.gracefulShutdownTimeoutS * 1000;
  const deadline = performance.now() + graceMs;
  core.hurry();
  await front.stop(isImpatient ? 0 : Math.min(REUSE_MS, graceMs), graceMs);
  await core.stop(isImpatient ? Math.min(deadline, performance.now() + IMPATIENT_MS) : deadline);
  await front.close();
  log.info('stopped');
}

function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let isFirst = true;
    const stop = (signal: NodeJS.Signals) => {
      // A second signal means that the user does not want to wait.
      if (!isFirst) process.exit(1);
      isFirst = false;
      resolve(signal);
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  });
}
