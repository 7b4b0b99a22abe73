/** The mark in the folder of a spool that tells a copy from the original. On real disks, as only they have inodes. */
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { SpoolInUse } from '../../src/spool/lock.ts';
import { Spool } from '../../src/spool/spool.ts';
import type { DamageReport } from '../../src/spool/topic-log.ts';
import { append, drain, EVENT } from './log-stage.ts';

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'h2k-owner-'));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

function open(path: string, reports: DamageReport[] = []): Promise<Spool> {
  return Spool.open({ path, maxBytes: Infinity }, (report) => void reports.push(report));
}

/** A spool with one event, of a process that has ended. */
async function spoolAt(path: string): Promise<void> {
  const spool = await open(path);
  await append(spool.log('events'), EVENT, 1);
  await spool.close();
}

/** The generation of the original as the next start sees it; undefined if the folder is no copy. */
async function copiedGeneration(path: string): Promise<number | undefined> {
  const spool = await open(path);
  await spool.close();
  return spool.copyOf?.generation;
}

suite('the owner of a spool', () => {
  test('is the same at each start', async (t) => {
    const path = join(await folder(t), 'spool');
    await spoolAt(path);
    for (let start = 0; start < 3; start++) assert.equal(await copiedGeneration(path), undefined);
    assert.match(
      await readFile(join(path, 'owner'), 'utf8'),
      /^\{"version":1,"spool":"[^"]+","generation":4,/,
    );
  });

  test('is the same after a move within the file system', async (t) => {
    const root = await folder(t);
    await spoolAt(join(root, 'old'));
    await rename(join(root, 'old'), join(root, 'new'));
    assert.equal(await copiedGeneration(join(root, 'new')), undefined);
  });

  test('shows a copy once, and then belongs to the copy', async (t) => {
    const root = await folder(t);
    await spoolAt(join(root, 'original'));
    assert.equal(await copiedGeneration(join(root, 'original')), undefined);
    await cp(join(root, 'original'), join(root, 'copy'), { recursive: true, preserveTimestamps: true });
    assert.equal(await copiedGeneration(join(root, 'copy')), 2);
    assert.equal(await copiedGeneration(join(root, 'copy')), undefined);
    assert.equal(await copiedGeneration(join(root, 'original')), undefined);
  });

  test('shows a backup that was restored into the same folder', async (t) => {
    const root = await folder(t);
    const path = join(root, 'spool');
    await spoolAt(path);
    await cp(path, join(root, 'backup'), { recursive: true });
    for (let start = 0; start < 3; start++) await copiedGeneration(path);
    await cp(join(root, 'backup'), path, { recursive: true, force: true });
    assert.equal(await copiedGeneration(path), 1);
  });

  test('of a later version stops the start, and is not changed', async (t) => {
    const path = join(await folder(t), 'spool');
    await spoolAt(path);
    await writeFile(join(path, 'owner'), '{"version":2}');
    await assert.rejects(open(path), /owner has format version 2/);
    assert.equal(await readFile(join(path, 'owner'), 'utf8'), '{"version":2}');
  });

  for (const text of ['', 'no JSON', 'null', '{"version":1}', '{"version":1,"spool":5}']) {
    test(`is new where the file holds: ${text}`, async (t) => {
      const path = join(await folder(t), 'spool');
      await spoolAt(path);
      await writeFile(join(path, 'owner'), text);
      assert.equal(await copiedGeneration(path), undefined);
      assert.match(await readFile(join(path, 'owner'), 'utf8'), /"generation":1,/);
    });
  }

  test('cannot be written: the spool opens nevertheless', async (t) => {
    const path = join(await folder(t), 'spool');
    await spoolAt(path);
    await mkdir(join(path, 'owner.new'));
    assert.equal(await copiedGeneration(path), undefined);
  });
});

suite('a spool on a real disk that someone removes', () => {
  test('is made again, with its lock, and keeps what it acknowledged', async (t) => {
    const path = join(await folder(t), 'spool');
    const reports: DamageReport[] = [];
    const spool = await open(path, reports);
    await append(spool.log('events'), EVENT, 1);
    await rm(path, { recursive: true });
    await append(spool.log('events'), EVENT, 2);
    assert.deepEqual(
      reports.map(({ kind }) => kind),
      ['restored'],
    );
    await assert.rejects(open(path), SpoolInUse);
    await spool.close();
    const next = await open(path);
    assert.equal((await drain(next.log('events'))).length, 2);
    await next.close();
  });

  test('and that another process has in use afterwards, takes no event', async (t) => {
    const path = join(await folder(t), 'spool');
    const spool = await open(path);
    await append(spool.log('events'), EVENT, 1);
    await rm(path, { recursive: true });
    const other = await open(path);
    await assert.rejects(append(spool.log('events'), EVENT, 2), /another http2kafka is using it/);
    await other.close();
    await spool.close();
  });

  test('and replaces by a copy, is written to in its new place', async (t) => {
    const root = await folder(t);
    const path = join(root, 'spool');
    const spool = await open(path);
    await append(spool.log('events'), EVENT, 1);
    await cp(path, join(root, 'copy'), { recursive: true });
    await rename(path, join(root, 'old'));
    await rename(join(root, 'copy'), path);
    await append(spool.log('events'), EVENT, 2);
    await spool.close();
    const next = await open(path);
    assert.equal((await drain(next.log('events'))).length, 2);
    await next.close();
  });
});
