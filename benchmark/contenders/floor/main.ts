/**
 * The floor: what no proxy from HTTP to Kafka can leave out, on the same Node and with the same scanner as http2kafka.
 * Its cost is the limit that http2kafka is measured against.
 *
 * What it does for an event:
 * - the exchange by `node:http`, as the bare server does it;
 * - the scan of the body, by the same WebAssembly module, for the key;
 * - a record with that key, in a batch for its partition, in a request to Kafka with `acks=all`. The bytes are copied
 *   two times: into the scanner's memory, and into the request;
 * - the answer 201, when Kafka has answered.
 *
 * What it leaves out: every promise and every limit. It has no full check, no authentication, no headers of the record,
 * no idempotence, no retry, no disk, no metrics, no log, no other topic, no deadline. It does not limit the size of a
 * body or the number of bodies. It has no queue except for what arrives while a request is in flight. An event that the
 * scanner is not sure of gets 422. An error of Kafka gets 500. Of a batch it refuses all or nothing.
 *
 *     node benchmark/contenders/floor/main.ts PORT BROKER-PORT TOPIC PARTITIONS
 */
import { createServer, type ServerResponse } from 'node:http';
import { FloorProducer } from './producer.ts';
import { FloorScanner } from './scanner.ts';

/** Milliseconds that it keeps an idle connection: longer than any benchmark. */
const KEEP_ALIVE_MS = 3_600_000;

const [, , port = '', brokerPort = '', topic = '', partitions = ''] = process.argv;
const producer = new FloorProducer(Number(brokerPort), topic, Number(partitions));
const scanner = new FloorScanner();

const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
  const pieces: Buffer[] = [];
  request.on('data', (piece: Buffer) => pieces.push(piece));
  request.on('end', () => {
    if (request.url?.endsWith('/batch') === true) takeBatch(Buffer.concat(pieces), response);
    else takeEvent(pieces, (taken) => answer(response, taken ? 201 : 500), response);
  });
});
server.listen(Number(port), '127.0.0.1');

function takeEvent(
  pieces: readonly Buffer[],
  done: (taken: boolean) => void,
  response: ServerResponse,
): void {
  const key = scanner.keyOf(pieces);
  if (key === undefined) {
    answer(response, 422);
    return;
  }
  let bytes = 0;
  for (const piece of pieces) bytes += piece.length;
  producer.add({ key, pieces, bytes, done });
}

function takeBatch(body: Buffer, response: ServerResponse): void {
  const offsets = scanner.elementsOf(body);
  let left = (offsets?.length ?? 0) / 2;
  if (!offsets || left === 0) {
    answer(response, 422);
    return;
  }
  let allTaken = true;
  const done = (taken: boolean) => {
    allTaken &&= taken;
    left -= 1;
    if (left === 0) answer(response, allTaken ? 201 : 500);
  };
  for (let index = 0; index < offsets.length; index += 2) {
    takeEvent([body.subarray(offsets[index], offsets[index + 1])], done, response);
  }
}

function answer(response: ServerResponse, status: number): void {
  if (!response.headersSent) response.writeHead(status, { 'content-length': '0' }).end();
}
