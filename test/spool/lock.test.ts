/** Only one process uses a spool, and a killed process leaves no lock. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, afterEach, before, describe, test } from 'node:test';

import { SpoolInUse } from '../../src/spool/lock.ts';
import { Spool } from '../../src/spool/spool.ts';

const HOLDER = join(import.meta.dirname, 'lock-holder.ts');
const REFUSAL = 'another http2kafka is using it';

describe('the lock of a spool', () => {
  let path = '';
  const children: ChildProcess[] = [];

  before(async () => void (path = await mkdtemp(join(tmpdir(), 'h2k-lock-'))));
  after(() => rm(path, { recursive: true }));
  afterEach(async () => {
    for (const child of children.splice(0)) await kill(child);
  });

  /** Starts another process that opens the spool. Resolves to the process and what it prints. */
  async function hold(): Promise<{ child: ChildProcess; says: string }> {
    const child = spawn(process.execPath, [HOLDER, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    const lines: unknown[] = await once(createInterface(child.stdout), 'line');
    return { child, says: String(lines[0]) };
  }

  function open(): Promise<Spool> {
    return Spool.open({ path, maxBytes: 1_000_000 }, () => undefined);
  }

  test('is refused to a second process while the first lives', async () => {
    const first = await hold();
    assert.equal(first.says, 'open');
    for (let time = 0; time < 2; time++) {
      assert.match((await hold()).says, new RegExp(REFUSAL));
      await assert.rejects(open(), (error) => error instanceof SpoolInUse && error.message === REFUSAL);
    }
  });

  test('is free as soon as the process that holds it is killed', async () => {
    for (let time = 0; time < 3; time++) {
      const { child, says } = await hold();
      assert.equal(says, 'open');
      await kill(child);
    }
    await (await open()).close();
  });

  test('stays held when the same process tries to take it again', async () => {
    const spool = await open();
    await assert.rejects(open(), SpoolInUse);
    assert.match((await hold()).says, new RegExp(REFUSAL));
    await spool.close();
    assert.equal((await hold()).says, 'open');
  });
});

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}
