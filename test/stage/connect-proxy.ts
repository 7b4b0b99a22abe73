import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import type { TestContext } from 'node:test';

/** An HTTP proxy that makes tunnels. Every name leads to this machine. */
export interface ConnectProxy {
  readonly port: number;
  /** The authority of each tunnel that was asked for. */
  readonly asked: string[];
  /** `Proxy-Authorization` of each. */
  readonly credentials: (string | undefined)[];
}

/**
 * Starts one, which ends with the test. It answers `status` to each request for a tunnel; with 200 it makes the tunnel. With `to`
 * every tunnel leads to this port, and otherwise to the port that was asked for.
 */
export async function connectProxy(test: TestContext, status = 200, to?: number): Promise<ConnectProxy> {
  const server: Server = createServer();
  const asked: string[] = [];
  const credentials: (string | undefined)[] = [];
  server.on('connect', ({ url = '', headers }, socket) => {
    asked.push(url);
    credentials.push(headers['proxy-authorization']);
    socket.on('error', () => undefined);
    if (status !== 200) {
      socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    const port = to ?? Number(url.slice(url.lastIndexOf(':') + 1));
    const through = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(through).pipe(socket);
    });
    through.on('error', () => socket.destroy());
    socket.on('close', () => through.destroy());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  test.after(() => server.close());
  const address = server.address();
  return { port: typeof address === 'object' ? (address?.port ?? 0) : 0, asked, credentials };
}
