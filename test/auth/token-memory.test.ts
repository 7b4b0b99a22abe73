/** How long a finding about a token is used again while the machine's clock steps. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { invalidToken, type Finding } from '../../src/auth/sender.ts';
import { TokenMemory } from '../../src/auth/token-memory.ts';
import { SimulatedTime } from '../support/simulated-time.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const EXPIRED = invalidToken('expired', null);

/** A memory for a token that expires in an hour, and is to be checked again after `holdsForMs`. */
function memory(holdsForMs?: number) {
  const time = new SimulatedTime();
  const holdsUntil = time.wall.now() + HOUR_MS;
  let checks = 0;
  const check = (): Promise<Finding> => {
    checks += 1;
    const sender = { way: 'oidc', name: 'alice' } as const;
    return Promise.resolve(time.wall.now() < holdsUntil ? { sender, holdsUntil, holdsForMs } : EXPIRED);
  };
  const tokens = new TokenMemory(check, 10, time);
  /** The name that the token is recognised by, and the checks so far. */
  const ask = async () => [(await tokens.find('token')).sender?.name, checks];
  return { time, ask };
}

suite('a token that was recognised', () => {
  test('is not checked again before it expires', async () => {
    const { time, ask } = memory();
    assert.deepEqual(await ask(), ['alice', 1]);
    await time.advance(HOUR_MS - 1);
    assert.deepEqual(await ask(), ['alice', 1]);
    await time.advance(1);
    assert.deepEqual(await ask(), [undefined, 2]);
  });

  test('is checked again in time, although the clock was set back', async () => {
    const { time, ask } = memory(5 * MINUTE_MS);
    await ask();
    time.stepWall(-10 * HOUR_MS);
    await time.advance(5 * MINUTE_MS - 1);
    assert.deepEqual(await ask(), ['alice', 1]);
    await time.advance(1);
    assert.deepEqual(await ask(), ['alice', 2]);
  });

  test('is checked again when its life is over, although the clock was set back', async () => {
    const { time, ask } = memory();
    await ask();
    time.stepWall(-10 * HOUR_MS);
    await time.advance(HOUR_MS);
    assert.deepEqual(await ask(), ['alice', 2]);
  });

  test('expires at once when the clock is set forward', async () => {
    const { time, ask } = memory();
    await ask();
    time.stepWall(HOUR_MS);
    assert.deepEqual(await ask(), [undefined, 2]);
  });
});
