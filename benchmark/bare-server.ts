/** The yardstick: reads the body, answers 201, nothing else. In a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { freePorts } from '../tools/kafka/settings.ts';

export interface BareServer {
  url: string;
  pid: number;
  stop: () => void;
}

/** Starts it, and resolves when it listens. */
export async function startBareServer(): Promise<BareServer> {
  const [port = 0] = await freePorts(1);
  const child = spawn(process.execPath, [import.meta.filename, String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  process.on('exit', () => child.kill());
  await once(child.stdout, 'data');
  return { url: `http://127.0.0.1:${port}/`, pid: child.pid ?? 0, stop: () => child.kill() };
}

if (import.meta.main) {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      response.writeHead(body.length > 0 ? 201 : 422, { 'content-length': '0' }).end();
    });
  });
  server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('up'));
}
