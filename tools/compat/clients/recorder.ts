/** A relay between a client and the proxy, which notes what the client sent and what it was answered. It changes nothing. */
import { once } from 'node:events';
import {
  createServer,
  request,
  Agent,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

export interface Exchange {
  readonly path: string;
  readonly userAgent: string;
  /** `gzip`, or empty. */
  readonly encoding: string;
  /** As the client meant it: without its Content-Encoding. */
  readonly body: Buffer;
  readonly status: number;
  /** The header X-Delivery of the answer. */
  readonly delivery: string;
}

export class Recorder {
  readonly url: string;
  /** In the order of the answers. */
  exchanges: Exchange[] = [];
  readonly #server: Server;
  readonly #agent: Agent;

  private constructor(server: Server, agent: Agent) {
    this.#server = server;
    this.#agent = agent;
    // Listening on a port of TCP, so the address is an object.
    const address = server.address() as AddressInfo | null; // eslint-disable-line @typescript-eslint/no-unsafe-type-assertion
    this.url = `http://127.0.0.1:${address?.port ?? 0}`;
  }

  static async start(target: string): Promise<Recorder> {
    const agent = new Agent({ keepAlive: true });
    const state: { recorder?: Recorder } = {};
    const server = createServer({ keepAliveTimeout: 75_000 }, (incoming, answer) => {
      relay(target, agent, incoming, answer, (exchange) => state.recorder?.exchanges.push(exchange));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (state.recorder = new Recorder(server, agent));
  }

  /** The exchanges so far, which it forgets. */
  take(): readonly Exchange[] {
    return this.exchanges.splice(0);
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
    this.#agent.destroy();
  }
}

function relay(
  target: string,
  agent: Agent,
  incoming: IncomingMessage,
  answer: ServerResponse,
  note: (exchange: Exchange) => void,
): void {
  const chunks: Buffer[] = [];
  const onward = request(`${target}${incoming.url ?? '/'}`, {
    method: incoming.method,
    headers: incoming.headers,
    agent,
  });
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
  incoming.pipe(onward);
  onward.on('error', () => answer.destroy());
  onward.on('response', (response) => {
    const raw = Buffer.concat(chunks);
    const encoding = incoming.headers['content-encoding'] ?? '';
    note({
      path: incoming.url ?? '',
      userAgent: incoming.headers['user-agent'] ?? '',
      encoding,
      body: encoding === 'gzip' ? gunzipSync(raw) : raw,
      status: response.statusCode ?? 0,
      delivery: String(response.headers['x-delivery'] ?? ''),
    });
    answer.writeHead(response.statusCode ?? 502, response.headers);
    response.pipe(answer);
  });
}
