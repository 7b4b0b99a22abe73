/**
 * Delivers events to two topics without end, through the core of a proxy, and prints each that is kept. Events of a key
 * wait for the answer to the one before. The first two arguments are the topics; settings come from the environment.
 */
import { writeSync } from 'node:fs';
import { loadSettings } from '../../src/config/load.ts';
import { openLog } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import { Core } from '../../src/proxy/core.ts';

const KEYS = 8;

/** Bytes of an event: much more than those of a reference. */
const EVENT_BYTES = 3000;

const [, , first = '', second = ''] = process.argv;
const loaded = loadSettings({ flags: new Map(), environment: process.env });
if ('errors' in loaded) throw new Error(JSON.stringify(loaded.errors));
const { settings } = loaded;
const core = await Core.open(settings, createMetrics(), openLog(settings.logging, 'test').log);
core.start();

async function deliverAll(key: string): Promise<void> {
  for (let count = 0; ; count++) {
    const now = Date.now();
    const value = Buffer.from(`${key} ${count} `.padEnd(EVENT_BYTES, '.'));
    const record = { key: Buffer.from(key), value, headers: [], timestamp: now, arrivedAt: now };
    // Every third event is for one topic only, so that both kinds are mixed.
    const topics = count % 3 === 2 ? [second] : [first, second];
    const { kind } = await core.delivery.deliverToAll(record, topics);
    if (kind !== 'acknowledged' && kind !== 'spooled') throw new Error(kind);
    // Not through a stream: a stream loses its last few lines when the process is killed.
    writeSync(1, `${topics.length} ${kind} ${key} ${count}\n`);
  }
}

await Promise.all(Array.from({ length: KEYS }, (_, key) => deliverAll(`key-${key}`)));
