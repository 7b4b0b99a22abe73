import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import type { QueueState } from '../../src/delivery/port.ts';
import type { Proxy } from '../../tools/proxy.ts';
import { errorOf, get } from './posting.ts';

const Report = Type.Object({
  state: Type.Enum(['straight', 'spooling', 'draining']),
  kafka: Type.String(),
  spool: Type.Object({ events: Type.Number(), bytes: Type.Number() }),
});

export interface Readiness extends Static<typeof Report> {
  /** Why no event can be kept. Undefined while events can be kept. */
  readonly problem: string | undefined;
}

/** The report of `GET /monitoring/ready`. */
export async function readiness(proxy: Proxy): Promise<Readiness> {
  const { status, text } = await get(proxy, '/monitoring/ready');
  if (status === 200) return { ...Value.Parse(Report, JSON.parse(text)), problem: undefined };
  assert.equal(status, 503);
  const { code, message, details } = errorOf(text);
  assert.equal(code, 'unavailable');
  return { ...Value.Parse(Report, details), problem: message };
}

/** Resolves when the main topic is in this state. `straight` implies that its spool is empty. */
export async function inState(proxy: Proxy, state: QueueState): Promise<void> {
  while ((await readiness(proxy)).state !== state) await sleep(20);
}
