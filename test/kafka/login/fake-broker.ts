/**
 * Answers to a login that no real broker gives: ApiVersions, SaslHandshake and SaslAuthenticate of Kafka's protocol, as a test sets
 * them. For all other cases the tests have real brokers.
 */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { unsignedVarintSize, writeUnsignedVarint } from '../../../src/kafka/wire/record-batch.ts';

export interface FakeAnswer {
  readonly bytes?: Buffer;
  readonly sessionMs?: bigint;
}

const API_VERSIONS = 18;
const HANDSHAKE = 17;
const AUTHENTICATE = 36;

/** Starts a broker. `answer` gets the bytes that a client sends to log in, and their number on the connection. */
export async function startFakeBroker(
  test: TestContext,
  answer: (sent: Buffer, step: number) => FakeAnswer,
): Promise<{ readonly host: string; readonly port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let step = 0;
    let received = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('data', (piece: Buffer) => {
      received = Buffer.concat([received, piece]);
      while (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
        const end = 4 + received.readInt32BE(0);
        socket.write(answerTo(received.subarray(4, end), (sent) => answer(sent, step++)));
        received = received.subarray(end);
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
  return { host: '127.0.0.1', port: address.port };
}

function answerTo(request: Buffer, answer: (sent: Buffer) => FakeAnswer): Buffer {
  const api = request.readInt16BE(0);
  const correlation = request.subarray(4, 8);
  switch (api) {
    // Version 1: no error, one API of versions 0 to 2, no throttling.
    case API_VERSIONS:
      return framed(correlation, Buffer.from([0, 0, 0, 0, 0, 1, 0, AUTHENTICATE, 0, 0, 0, 2, 0, 0, 0, 0]));
    // Version 1: no error, no mechanisms.
    case HANDSHAKE:
      return framed(correlation, Buffer.alloc(6));
    // Version 2, flexible (KIP-482): the header of the answer ends with its tags, none here.
    case AUTHENTICATE: {
      const { bytes = Buffer.alloc(0), sessionMs = 0n } = answer(authBytesOf(request));
      const session = Buffer.alloc(8);
      session.writeBigInt64BE(sessionMs);
      const length = compactLength(bytes.length);
      return framed(correlation, Buffer.from([0, 0, 0, 0]), length, bytes, session, Buffer.from([0]));
    }
    default:
      throw new Error(`the fake broker does not know API ${api}`);
  }
}

function framed(...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(4);
  head.writeInt32BE(body.length);
  return Buffer.concat([head, body]);
}

/** KIP-482: one more than the length, as a varint. */
function compactLength(length: number): Buffer {
  const bytes = Buffer.alloc(unsignedVarintSize(length + 1));
  writeUnsignedVarint(bytes, 0, length + 1);
  return bytes;
}

function authBytesOf(request: Buffer): Buffer {
  // API, version, correlation id, client id, tags.
  let at = 8 + 2 + request.readInt16BE(8) + 1;
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = request.readUInt8(at++);
    length |= (byte & 127) << shift;
    if (byte < 128) break;
  }
  return request.subarray(at, at + length - 1);
}
