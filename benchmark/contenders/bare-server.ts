/**
 * The yardstick: a server that reads the body and answers 201.
 *
 *     node benchmark/contenders/bare-server.ts PORT
 */
import { createServer } from 'node:http';

/** Milliseconds that it keeps an idle connection: longer than any benchmark. */
const KEEP_ALIVE_MS = 3_600_000;

const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks);
    response.writeHead(body.length > 0 ? 201 : 422, { 'content-length': '0' }).end();
  });
});
server.listen(Number(process.argv[2]), '127.0.0.1');
