/** Signals: SIGTERM and SIGINT stop the proxy, SIGHUP makes it read its files again, SIGUSR1 and SIGUSR2 do nothing. */
import type { Logger } from '../log.ts';

/** Resolves to the first signal that tells the proxy to stop. A second one ends the process at once. */
export function stopSignal(): Promise<NodeJS.Signals> {
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

/** Calls `reload` at each SIGHUP. Without this, SIGHUP would end the process. `reload` must not throw. */
export function onHangup(reload: () => void): void {
  process.on('SIGHUP', reload);
}

/**
 * Ignores SIGUSR1 and SIGUSR2. Node would open its inspector on a port at SIGUSR1: who reaches that can run any code.
 * SIGUSR2 would end the process.
 */
export function ignoreUserSignals(log: Logger): void {
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
    process.on(signal, () => log.debug(`${signal}: it has no meaning here`));
  }
}
