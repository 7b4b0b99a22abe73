/** What an operator does with the folder of a spool: a later version, a copy, and a removal while the proxy runs. */
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { startProxy, type Proxy } from '../../tools/proxy.ts';
import { ranProgram } from '../config/child.ts';
import { logged } from '../stage/log-lines.ts';
import { readMetrics } from '../stage/metric-reading.ts';
import { VERSION } from '../../src/spool/segment-format.ts';
import { post, spooled } from '../stage/posting.ts';
import { padded, runEvent } from '../stage/sample-events.ts';

const root = mkdtempSync(join(tmpdir(), 'http2kafka-spool-folder-'));

/** A spool with three events, of a proxy that has ended. */
async function spoolAt(path: string): Promise<void> {
  const proxy = await startProxy({ settings: { SPOOL__PATH: path } });
  for (const name of ['one', 'two', 'three']) spooled(await post(proxy, runEvent(name)));
  await proxy.stop();
}

function segmentsIn(path: string): readonly string[] {
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.log'))
    .map((file) => join(path, file));
}

const possibleDuplicates = async (proxy: Proxy) =>
  (await readMetrics(proxy)).get('http2kafka_duplicates_possible_total');

suite('the folder of a spool', { timeout: 120_000 }, () => {
  after(() => rmSync(root, { recursive: true }));

  test('of a later version stops the start, check-config and the command spool, which name the file', async () => {
    const path = join(root, 'later');
    await spoolAt(path);
    const [file = ''] = segmentsIn(path);
    const bytes = readFileSync(file);
    bytes.writeUInt16LE(VERSION + 1, 8);
    bytes.writeUInt32LE(crc32(bytes.subarray(16, 24), crc32(bytes.subarray(0, 12))), 12);
    writeFileSync(file, bytes);
    const names = `${file} has format version ${VERSION + 1}`;
    const env = { HTTP2KAFKA__SPOOL__PATH: path };
    await assert.rejects(
      startProxy({ settings: { SPOOL__PATH: path } }),
      (error: Error) => error.message.includes(names) && !error.message.includes('set aside'),
    );
    for (const args of [['check-config'], ['spool'], ['spool', 'export']]) {
      const { status, stdout, stderr } = await ranProgram(args, env);
      assert.deepEqual([status, stdout], [1, ''], args.join(' '));
      assert.ok(stderr.includes(names), stderr);
    }
    assert.deepEqual(readFileSync(file), bytes);
  });

  test('that is a copy counts its events as possible duplicates, and says so once', async () => {
    const [original, copy] = [join(root, 'original'), join(root, 'copy')];
    await spoolAt(original);
    cpSync(original, copy, { recursive: true });
    for (const [path, duplicates] of [
      [original, 0],
      [copy, 3],
      [copy, 0],
    ] as const) {
      const proxy = await startProxy({ settings: { SPOOL__PATH: path } });
      assert.equal(await possibleDuplicates(proxy), duplicates);
      assert.equal(proxy.log.includes('the spool is a copy'), duplicates > 0);
      await proxy.stop();
    }
  });

  test('that is removed while the proxy runs is made again, and lost events are counted', async () => {
    const path = join(root, 'removed');
    // Half of the memory is for events that Kafka has not taken: some of them.
    const proxy = await startProxy({ settings: { SPOOL__PATH: path, QUEUE__MAX_BYTES: '16MiB' } });
    // A segment has 8 MiB: all but the last are closed.
    for (let n = 0; n < 7; n++) spooled(await post(proxy, padded(runEvent(`large ${n}`), 4_000_000)));
    assert.equal(segmentsIn(path).length, 4);
    rmSync(path, { recursive: true });
    spooled(await post(proxy, runEvent('later')));
    await logged(proxy, 'acknowledged events are lost');
    await logged(proxy, 'acknowledged events are in memory only');
    const lost = (await readMetrics(proxy)).get('http2kafka_spool_lost_events_total') ?? 0;
    assert.ok(lost >= 1 && lost < 6, String(lost));
    assert.equal(proxy.log.split('it is made again').length, 2);
    await proxy.stop();
    // The events of closed segments are gone; that of the open one was written again.
    const { stdout } = await ranProgram(['spool', 'export'], { HTTP2KAFKA__SPOOL__PATH: path });
    assert.equal(stdout.trimEnd().split('\n').length, 2);
  });

  test('has a limit that check-config and the log compare with its volume', async () => {
    const path = join(root, 'large');
    const settings = { SPOOL__PATH: path, SPOOL__MAX_BYTES: '1024GiB' };
    const proxy = await startProxy({ settings });
    await logged(proxy, 'spool.max_bytes is 1048576 MiB, but the volume of the spool has');
    const metrics = await readMetrics(proxy);
    assert.ok((metrics.get('http2kafka_spool_disk_free_bytes') ?? 0) > 0);
    await proxy.stop();
    const env = { HTTP2KAFKA__SPOOL__PATH: path, HTTP2KAFKA__SPOOL__MAX_BYTES: '1024GiB' };
    const { status, stdout } = await ranProgram(['check-config'], env);
    assert.equal(status, 0);
    assert.match(
      stdout,
      /warning: spool\.max_bytes: spool\.max_bytes is 1048576 MiB, but the volume of the spool has \d+ MiB in all/,
    );
  });
});
