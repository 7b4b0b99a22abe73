import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import type { QueueState } from '../../src/delivery/port.ts';
import type { Proxy } from '../../tools/proxy.ts';
import { errorOf, get } from './posting.ts';

const Standing = Type.Object({
  state: Type.Enum(['straight', 'spooling', 'draining']),
  kafka: Type.String(),
  spool: Type.Object({ events: Type.Number(), bytes: Type.Number() }),
});

export interface Readiness extends Static<typeof Standing> {
  /** Why no event can be kept; undefined while one can. */
  readonly problem: string | undefined;
}

/** What a proxy says of itself. */
export async function readiness(proxy: Proxy): Promise<Readiness> {
  const { status, text } = await get(proxy, '/monitoring/ready');
  if (status === 200) return { ...Value.Parse(Standing, JSON.parse(text)), problem: undefined };
  assert.equal(status, 503);
  const { code, message, details } = errorOf(text);
  assert.equal(code, 'unavailable');
  return { ...Value.Parse(Standing, details), problem: message };
}

/** Resolves when the main topic is in this state; `straight` is also when its spool is empty. */
export async function inState(proxy: Proxy, state: QueueState): Promise<void> {
  while ((await readiness(proxy)).state !== state) await sleep(20);
}
