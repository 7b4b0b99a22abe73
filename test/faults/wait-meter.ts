// A thread that posts good events one after the other. When it is told to stop, it tells how long an answer took at most.
// In the thread of the hostile senders, it would measure their work as well.
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { PostingConnection } from './posting-connection.ts';

export interface MeterTask {
  readonly port: number;
  readonly body: string;
}

const ANSWER_MS = 30_000;
const PAUSE_MS = 5;

function isTask(data: unknown): data is MeterTask {
  return typeof data === 'object' && data !== null && 'port' in data && 'body' in data;
}

const data: unknown = workerData;
if (!isTask(data) || !parentPort) throw new Error('this is a thread of a fault line');
const connection = new PostingConnection(data.port);
const body = Buffer.from(data.body);
await connection.post(body, ANSWER_MS);
let isOver = false;
parentPort.once('message', () => (isOver = true));
parentPort.postMessage('ready');
const goesOn = () => !isOver;
let longest = 0;
while (goesOn()) {
  const start = performance.now();
  await connection.post(body, ANSWER_MS);
  longest = Math.max(longest, performance.now() - start);
  await sleep(PAUSE_MS);
}
connection.close();
parentPort.postMessage(longest);
