/**
 * Holds idle connections open. Each has posted one event, as the clients of many small jobs do. It runs in its own process, and
 * ends with a message as soon as one of them is closed.
 *
 *     node benchmark/loads/idle-connections.ts HOST:PORT COUNT
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { startChild, type ChildProgram } from './child-program.ts';
import { runEvent } from './lineage-event.ts';

const EVENT_BYTES = 3500;

/** Connections opened at once: less than the listen backlog of a server, which is 511 in Node. */
const AT_ONCE = 100;

/** Opens the connections to the server of a URL. Resolves when each has its answer. */
export function holdIdle(url: string, count: number): Promise<ChildProgram> {
  return startChild(import.meta.filename, [new URL(url).host, String(count)]);
}

/** Posts one event over a new connection, which stays open. */
async function open(host: string, port: number, number: number): Promise<void> {
  const body = runEvent(EVENT_BYTES, { number });
  const socket = connect(port, host);
  await once(socket, 'connect');
  socket.on('close', () => {
    console.error('an idle connection was closed');
    process.exit(1);
  });
  const head = `POST /api/v1/lineage HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n`;
  socket.write(`${head}Content-Length: ${body.length}\r\n\r\n`);
  socket.write(body);
  const answer: unknown[] = await once(socket, 'data');
  const text = String(answer[0]);
  if (!text.startsWith('HTTP/1.1 20')) throw new Error(`not taken: ${text}`);
}

if (import.meta.main) {
  const [, , address = '', count = ''] = process.argv;
  const [host = '', port = ''] = address.split(':');
  for (let opened = 0; opened < Number(count); opened += AT_ONCE) {
    const length = Math.min(AT_ONCE, Number(count) - opened);
    await Promise.all(Array.from({ length }, (_, index) => open(host, Number(port), opened + index)));
  }
  console.log('up');
}
