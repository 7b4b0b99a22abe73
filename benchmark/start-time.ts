/** Measures the time from the start of a program to its first event. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Broker } from '../tools/kafka/broker.ts';
import { freePorts } from '../tools/kafka/ports.ts';
import { Proxy } from '../tools/proxy.ts';
import { startBareServer } from './bare-server.ts';
import { freshTopic } from './contenders.ts';
import { runEvent } from './lineage-event.ts';
import { residentMb } from './process-tree.ts';
import type { StartMeasure, StartResult } from './results.ts';

/** Number of starts of each program. The median counts. */
export const STARTS = 5;

/** Milliseconds between tries. */
const TRY_MS = 5;
const LIMIT_MS = 30_000;

interface Started {
  readonly url: string;
  readonly pid: number;
  readonly stop: () => Promise<unknown>;
}

/** Starts the bare server and the built program, in turn, five times. */
export async function measureStarts(broker: Broker): Promise<StartResult[]> {
  const settings = { ...(await freshTopic(broker, 3)), KAFKA__COMPRESSION: 'none' };
  const bare: StartMeasure[] = [];
  const ours: StartMeasure[] = [];
  for (let count = 0; count < STARTS; count++) {
    bare.push(await measureStart(startBareServer));
    ours.push(await measureStart(() => startBuilt(settings)));
  }
  const firsts = [...ours].map(({ firstAnswerMs }) => `${firstAnswerMs.toFixed(0)} ms`);
  console.log(`start: ${firsts.join(', ')}`);
  return [
    { label: 'bare node:http server', rounds: bare },
    { label: 'http2kafka, compression none', rounds: ours },
  ];
}

/** Starts it without waiting until it listens. */
async function startBuilt(settings: Readonly<Record<string, string>>): Promise<Started> {
  const [port = 0] = await freePorts(1);
  const proxy = new Proxy({ settings, program: 'built' }, port);
  return { url: `${proxy.url}/api/v1/lineage`, pid: proxy.pid, stop: () => proxy.stop() };
}

async function measureStart(start: () => Promise<Started>): Promise<StartMeasure> {
  const startedAt = performance.now();
  const started = await start();
  try {
    for (;;) {
      const status = await post(started.url);
      const firstAnswerMs = performance.now() - startedAt;
      if (status === 201) {
        return { firstAnswerMs, status, residentMb: residentMb(started.pid) };
      }
      if (firstAnswerMs > LIMIT_MS) throw new Error(`no event was taken within ${LIMIT_MS} ms: ${status}`);
      await sleep(TRY_MS);
    }
  } finally {
    await started.stop();
  }
}

/** The status of the answer. 0 while the program does not listen. */
async function post(url: string): Promise<number> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', connection: 'close' },
      body: new Uint8Array(runEvent(3500, { number: 0 })),
    });
    return response.status;
  } catch {
    return 0;
  }
}
