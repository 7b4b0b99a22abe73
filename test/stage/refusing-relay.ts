import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A batch in a produce request. */
export interface RelayedBatch {
  readonly topic: string;
  readonly partition: number;
  /** The lowest three bits of its attributes: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd. */
  readonly compression: number;
}

/** Kafka's error code for a batch, or the end of its connection. Undefined: the broker decides. */
export type Verdict = number | 'close' | undefined;

const PRODUCE = 0;
const FIRST_FLEXIBLE_VERSION = 9;
/** For batches that share a request with a refused one: NOT_ENOUGH_REPLICAS, so they come again. */
const AGAIN = 19;

/** A relay that refuses batches as brokers do that are stricter than the one behind it. */
export class RefusingRelay {
  judge: (batch: RelayedBatch) => Verdict = () => undefined;
  /** The batches that have come. */
  readonly seen: RelayedBatch[] = [];
  readonly #server: Server;
  readonly #targetPort: () => number;
  readonly #sockets = new Set<Socket>();

  /** @param targetPort is called for each connection, as the port of the broker may be unknown at first. */
  static async listen(port: number, targetPort: () => number): Promise<RefusingRelay> {
    const server = createServer({ noDelay: true });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new RefusingRelay(server, targetPort);
  }

  private constructor(server: Server, targetPort: () => number) {
    this.#server = server;
    this.#targetPort = targetPort;
    server.on('connection', (client) => this.#accept(client));
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(client: Socket): void {
    const broker = connect({ port: this.#targetPort(), host: '127.0.0.1', noDelay: true });
    for (const [socket, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    broker.on('data', (bytes) => client.write(bytes));
    let received: Buffer = Buffer.alloc(0);
    client.on('data', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      while (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
        const end = 4 + received.readInt32BE(0);
        this.#take(received.subarray(0, end), client, broker);
        received = received.subarray(end);
      }
    });
  }

  #take(frame: Buffer, client: Socket, broker: Socket): void {
    const batches = batchesOf(frame);
    this.seen.push(...batches);
    const verdicts = batches.map((batch) => this.judge(batch));
    if (verdicts.includes('close')) client.destroy();
    else if (verdicts.every((verdict) => verdict === undefined)) broker.write(frame);
    else client.write(answerOf(frame.readInt32BE(8), batches, verdicts));
  }
}

/** The batches of a frame with a produce request; none for any other request. */
function batchesOf(frame: Buffer): RelayedBatch[] {
  if (frame.readInt16BE(4) !== PRODUCE || frame.readInt16BE(6) < FIRST_FLEXIBLE_VERSION) return [];
  let at = 14 + Math.max(0, frame.readInt16BE(12));
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = frame[at++] ?? 0;
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  // The library sends no tagged fields.
  varint();
  const transactionalId = Math.max(0, varint() - 1);
  at += transactionalId + 6;
  const batches: RelayedBatch[] = [];
  for (let topics = varint() - 1; topics > 0; topics--) {
    const length = varint() - 1;
    const topic = frame.toString('utf8', at, (at += length));
    for (let partitions = varint() - 1; partitions > 0; partitions--) {
      const partition = frame.readInt32BE(at);
      at += 4;
      const bytes = varint() - 1;
      batches.push({ topic, partition, compression: frame.readInt16BE(at + 21) & 7 });
      at += bytes;
      varint();
    }
    varint();
  }
  return batches;
}

/** A produce response of version 9, 10 or 11 that names no record. */
function answerOf(
  correlationId: number,
  batches: readonly RelayedBatch[],
  verdicts: readonly Verdict[],
): Buffer {
  const topics = Map.groupBy(batches.keys(), (index) => batches[index]?.topic ?? '');
  const pieces = [Buffer.alloc(9), varintOf(topics.size + 1)];
  pieces[0]?.writeInt32BE(correlationId, 4);
  for (const [topic, indexes] of topics) {
    const name = Buffer.from(topic);
    pieces.push(varintOf(name.length + 1), name, varintOf(indexes.length + 1));
    for (const index of indexes) {
      const verdict = verdicts[index] ?? AGAIN;
      // Base offset, append time and start offset are -1; then no record errors, no message, no tags.
      const partition = Buffer.alloc(33, 0xff);
      partition.writeInt32BE(batches[index]?.partition ?? 0, 0);
      partition.writeInt16BE(Number(verdict), 4);
      partition.set([1, 0, 0], 30);
      pieces.push(partition);
    }
    pieces.push(Buffer.alloc(1));
  }
  // The throttle time and the tags.
  const answer = Buffer.concat([...pieces, Buffer.alloc(5)]);
  answer.writeInt32BE(answer.length - 4, 0);
  return answer;
}

function varintOf(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}
