import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, suite, test } from 'node:test';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { watchFiles } from '../../src/support/file-watch.ts';

const INTERVAL_MS = 20;

void suite('watching files', { timeout: 60_000 }, () => {
  const root = mkdtempSync(join(tmpdir(), 'http2kafka-watch-'));
  let folder: string;
  let changes: number;
  let stop: () => void;

  beforeEach(() => {
    folder = mkdtempSync(join(root, 'case-'));
    changes = 0;
    stop = () => undefined;
  });
  afterEach(() => stop());
  after(() => rmSync(root, { recursive: true }));

  function watch(...names: string[]): void {
    stop = watchFiles(
      names.map((name) => join(folder, name)),
      () => (changes += 1),
      INTERVAL_MS,
    );
  }

  function write(name: string, content: string): void {
    writeFileSync(join(folder, name), content);
  }

  /** Resolves after so many calls, when no more follow within some polls. */
  async function notified(count: number): Promise<void> {
    while (changes < count) await sleep(5);
    await sleep(5 * INTERVAL_MS);
    assert.equal(changes, count);
  }

  test('notices a file that is written, replaced, removed and created', async () => {
    write('a', 'one');
    write('b', 'one');
    watch('a', 'b');
    await notified(0);
    write('b', 'two');
    await notified(1);
    write('other', 'three');
    renameSync(join(folder, 'other'), join(folder, 'a'));
    await notified(2);
    rmSync(join(folder, 'a'));
    await notified(3);
    write('a', 'four');
    await notified(4);
  });

  test('notices a change of the same size in the same second', async () => {
    write('a', 'one');
    utimesSync(join(folder, 'a'), 1, 1);
    watch('a');
    write('a', 'two');
    utimesSync(join(folder, 'a'), 1, 1);
    await notified(1);
  });

  test('notices replaced links, as of Kubernetes', async () => {
    for (const version of ['1', '2']) {
      mkdirSync(join(folder, version));
      write(`${version}/cert`, version);
      write(`${version}/key`, version);
    }
    symlinkSync('1', join(folder, 'data'));
    symlinkSync('data/cert', join(folder, 'cert'));
    symlinkSync('data/key', join(folder, 'key'));
    watch('cert', 'key');
    symlinkSync('2', join(folder, 'data-new'));
    renameSync(join(folder, 'data-new'), join(folder, 'data'));
    await notified(1);
  });

  test('waits until files that are written one after another no longer change', async () => {
    watch('a', 'b');
    for (let i = 0; i < 20; i++) {
      write(i % 2 === 0 ? 'a' : 'b', 'x'.repeat(i));
      await sleep(1);
    }
    await notified(1);
  });

  test('waits for more polls where a file is written in its place than where it is renamed', async (t) => {
    write('a', 'one');
    const timeouts = t.mock.method(globalThis, 'setTimeout');
    // Each poll sets the timer of the next one.
    const polls = () => timeouts.mock.calls.filter(({ arguments: [, ms] }) => ms === INTERVAL_MS).length;
    watch('a');
    const pollsUntilChange = async () => {
      const [before, seen] = [polls(), changes];
      while (changes === seen) await setImmediate();
      return polls() - before;
    };
    write('a', 'half');
    assert.ok((await pollsUntilChange()) >= 4);
    write('new', 'whole');
    renameSync(join(folder, 'new'), join(folder, 'a'));
    const renamed = await pollsUntilChange();
    assert.ok(renamed >= 2 && renamed <= 3, `${renamed}`);
  });

  test('notices nothing after it is stopped', async () => {
    watch('a');
    stop();
    write('a', 'new');
    await notified(0);
  });
});
