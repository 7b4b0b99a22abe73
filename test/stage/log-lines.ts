import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Proxy } from '../../tools/proxy.ts';
import { post } from './posting.ts';

/**
 * All that a proxy has logged of what was answered before the call. It has one more event refused, whose line is the last: what
 * comes before that has been read from the process.
 */
export async function logLines(proxy: Proxy): Promise<string[]> {
  const id = randomUUID();
  await post(proxy, '', { headers: { 'x-request-id': id } });
  await logged(proxy, id);
  return proxy.log.slice(0, proxy.log.indexOf(id)).split('\n').slice(0, -1);
}

/** Resolves when the log has this text, so many times; rejects when the proxy ends without it. */
export async function logged(proxy: Proxy, text: string, times = 1): Promise<void> {
  while (proxy.log.split(text).length <= times) {
    if (!proxy.running) throw new Error(`the proxy has ended without "${text}": ${proxy.log}`);
    await sleep(5);
  }
}
