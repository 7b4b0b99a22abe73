/**
 * A relay to a real broker that takes fewer versions: it answers the question for versions itself, and closes the connection of any
 * request that is not in them. So a real Kafka stands for products that take older requests only.
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { isTaken, KEYS, versionsAnswer, type NotedRequest, type Ranges } from './scripted-broker.ts';

export interface LimitingRelay {
  readonly address: string;
  /** All requests so far. */
  readonly requests: readonly NotedRequest[];
}

export async function startLimitingRelay(
  test: TestContext,
  broker: string,
  ranges: Ranges,
): Promise<LimitingRelay> {
  const requests: NotedRequest[] = [];
  const sockets = new Set<Socket>();
  const port = Number(broker.slice(broker.lastIndexOf(':') + 1));
  const server = createServer((client) => {
    const kafka = connect(port, '127.0.0.1');
    for (const socket of [client, kafka]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    kafka.pipe(client);
    client.on('close', () => kafka.destroy());
    let received = Buffer.alloc(0);
    client.on('data', (piece: Buffer) => {
      received = Buffer.concat([received, piece]);
      while (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
        const end = 4 + received.readInt32BE(0);
        const request = received.subarray(0, end);
        received = received.subarray(end);
        const noted = { key: request.readInt16BE(4), version: request.readInt16BE(6) };
        requests.push(noted);
        if (noted.key === KEYS.apiVersions) {
          client.write(versionsAnswer(noted.version, request.readInt32BE(8), ranges));
        } else if (isTaken(noted, ranges)) kafka.write(request);
        else client.destroy();
      }
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  test.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it has no port');
  return { address: `127.0.0.1:${address.port}`, requests };
}
