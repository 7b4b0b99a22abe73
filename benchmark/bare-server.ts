/** The yardstick: a server that reads the body and answers 201, in its own process. */
import { createServer } from 'node:http';
import { freePorts } from '../tools/kafka/ports.ts';
import { startChild } from './child-program.ts';

export interface BareServer {
  url: string;
  pid: number;
  stop: () => Promise<void>;
}

/** Milliseconds that it keeps an idle connection: longer than any benchmark. */
const KEEP_ALIVE_MS = 3_600_000;

/** Starts it, and resolves when it listens. */
export async function startBareServer(): Promise<BareServer> {
  const [port = 0] = await freePorts(1);
  const { pid, stop } = await startChild(import.meta.filename, [String(port)]);
  return { url: `http://127.0.0.1:${port}/`, pid, stop };
}

if (import.meta.main) {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      response.writeHead(body.length > 0 ? 201 : 422, { 'content-length': '0' }).end();
    });
  });
  server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('up'));
}
