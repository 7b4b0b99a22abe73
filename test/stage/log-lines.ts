import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Proxy } from '../../tools/proxy.ts';
import { post } from './posting.ts';

/**
 * All log lines about requests that were answered before the call. It posts one more event, which is refused. The log line of
 * that event comes last: once it is here, all lines before it are here too. The proxy limits the lines of a cause, so the event
 * is posted again until it has a line.
 */
export async function logLines(proxy: Proxy): Promise<string[]> {
  for (;;) {
    const id = randomUUID();
    await post(proxy, '', { headers: { 'x-request-id': id } });
    for (let wait = 0; wait < 40 && !proxy.log.includes(id); wait++) await sleep(5);
    if (!proxy.running) throw new Error(`the proxy has ended: ${proxy.log}`);
    if (proxy.log.includes(id)) return proxy.log.slice(0, proxy.log.indexOf(id)).split('\n').slice(0, -1);
  }
}

/** Resolves when the log has this text `times` times. Rejects when the proxy ends without it. */
export async function logged(proxy: Proxy, text: string, times = 1): Promise<void> {
  while (proxy.log.split(text).length <= times) {
    if (!proxy.running) throw new Error(`the proxy has ended without "${text}": ${proxy.log}`);
    await sleep(5);
  }
}
