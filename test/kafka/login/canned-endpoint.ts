import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { freePorts } from '../../../tools/kafka/ports.ts';

/** A token endpoint with an answer that the test sets: real ones do not give it. */
export async function cannedEndpoint(test: TestContext, answer: RequestListener): Promise<string> {
  const [port = 0] = await freePorts(1);
  const server = createServer(answer).listen(port, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${port}/token`;
}

/** Answers with a token that is valid for an hour. */
export function giveToken(response: ServerResponse, token: string): void {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ access_token: token, token_type: 'bearer', expires_in: 3600 }));
}
