/**
 * Produce requests over a connection of the library, around its way to send. For each request that builds two writers, four
 * closures, two queue entries and a context for diagnostics, and copies all batches into one new buffer. Here the batches go
 * to the socket as they are.
 *
 * The library keeps the connection: it opens it, logs in, and may log in again at any time (KIP-368). It counts its
 * correlation ids from 0 up, the channel counts from -1 down. So each answer goes to the one that has asked.
 */
import type { Socket } from 'node:net';
import { NetworkError, TimeoutError } from '@platformatic/kafka';
import { readProduceAnswer } from '../wire/produce-answer.ts';
import { encodeProduce, roomFor } from '../wire/produce-request.ts';
import type { PartitionAnswer, PartitionBatch } from './brokers.ts';

/** Bytes before the part of an answer that says which one it is, and with that part. */
const SIZE_BYTES = 4;
const HEAD_BYTES = 8;

const FIRST_ID = -1;
const LAST_ID = -0x8000_0000;

/** Bytes of the room for requests that a channel keeps. It is enough for the copied batches and some hundred partitions. */
const KEPT_ROOM_BYTES = 256 * 1024;
const LEAST_ROOM_BYTES = 16 * 1024;

export interface ChannelSettings {
  /** The version of the requests, 3 to 11, which the broker of this connection takes. */
  readonly version: number;
  readonly clientId: string;
  /** Most milliseconds that a broker waits for the replicas. */
  readonly timeoutMs: number;
  /** Most milliseconds until the answer is there. */
  readonly answerTimeoutMs: number;
}

interface Waiting {
  readonly timer: NodeJS.Timeout;
  readonly resolve: (answers: readonly PartitionAnswer[]) => void;
  readonly reject: (error: Error) => void;
}

export class ProduceChannel {
  readonly #socket: Socket;
  readonly #clientId: Buffer;
  readonly #settings: ChannelSettings;
  /** The library's reader of answers. */
  readonly #library: readonly ((data: Buffer) => void)[];
  readonly #waiting = new Map<number, Waiting>();
  #nextId = FIRST_ID;
  /** The beginning of an answer that has not arrived whole. */
  #rest: Buffer | undefined;
  /** The memory of the last request, for the next one: the answer says that the broker has the whole request. */
  #room = Buffer.alloc(0);

  /** To be made while no answer is in flight. */
  constructor(socket: Socket, settings: ChannelSettings) {
    this.#socket = socket;
    this.#settings = settings;
    this.#clientId = Buffer.from(settings.clientId);
    this.#library = socket.listeners('data').map((listener) => (data) => {
      Reflect.apply(listener, socket, [data]);
    });
    socket.removeAllListeners('data');
    socket.on('data', (data: Buffer) => this.#read(data));
    socket.once('close', () => this.#fail(new NetworkError('Connection closed')));
  }

  /** Can a request be sent? */
  get isOpen(): boolean {
    return this.#socket.writable && !this.#socket.destroyed;
  }

  /**
   * Sends a request. Resolves with the answer for each partition. After a rejection the connection is closed, so that the memory of
   * the batches is free.
   */
  produce(batches: readonly PartitionBatch[]): Promise<readonly PartitionAnswer[]> {
    const { promise, resolve, reject } = Promise.withResolvers<readonly PartitionAnswer[]>();
    if (!this.isOpen) {
      reject(new NetworkError('Connection closed'));
      return promise;
    }
    const { version, timeoutMs, answerTimeoutMs } = this.#settings;
    const correlationId = this.#nextId;
    this.#nextId = correlationId === LAST_ID ? FIRST_ID : correlationId - 1;
    const room = this.#roomOf(roomFor(batches, this.#clientId));
    const head = { version, correlationId, clientId: this.#clientId, timeoutMs };
    const pieces = encodeProduce(batches, head, room);
    const timer = setTimeout(() => this.#break(new TimeoutError('Request timed out')), answerTimeoutMs);
    this.#waiting.set(correlationId, { timer, resolve, reject });
    this.#write(pieces);
    return promise;
  }

  /** One call of the kernel for all pieces. */
  #write(pieces: readonly Buffer[]): void {
    if (pieces.length > 1) this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    if (pieces.length > 1) this.#socket.uncork();
  }

  #roomOf(bytes: number): Buffer {
    // The room is in use, or would take much memory for a long time.
    if (this.#waiting.size > 0 || bytes > KEPT_ROOM_BYTES) return Buffer.allocUnsafeSlow(bytes);
    if (this.#room.length < bytes) {
      this.#room = Buffer.allocUnsafeSlow(Math.max(LEAST_ROOM_BYTES, 2 ** Math.ceil(Math.log2(bytes))));
    }
    return this.#room;
  }

  /** Answers of the library go to it one by one and whole. */
  #read(data: Buffer): void {
    const bytes = this.#rest ? Buffer.concat([this.#rest, data]) : data;
    let at = 0;
    while (bytes.length - at >= HEAD_BYTES) {
      const end = at + SIZE_BYTES + bytes.readInt32BE(at);
      if (end < at + HEAD_BYTES) {
        this.#break(new RangeError('the answer of the broker has no readable size'));
        return;
      }
      if (end > bytes.length) break;
      const answer = bytes.subarray(at, end);
      const correlationId = answer.readInt32BE(SIZE_BYTES);
      if (correlationId > FIRST_ID) for (const listener of this.#library) listener(answer);
      else if (!this.#take(correlationId, answer)) return;
      at = end;
    }
    this.#rest = at < bytes.length ? bytes.subarray(at) : undefined;
  }

  /** Returns false if the connection is of no more use. */
  #take(correlationId: number, answer: Buffer): boolean {
    const waiting = this.#waiting.get(correlationId);
    try {
      if (!waiting) throw new RangeError(`there is no request for the answer ${correlationId}`);
      const answers = readProduceAnswer(answer, this.#settings.version);
      this.#waiting.delete(correlationId);
      clearTimeout(waiting.timer);
      waiting.resolve(answers);
      return true;
    } catch (error) {
      this.#break(error instanceof Error ? error : new Error(String(error)));
      return false;
    }
  }

  /** After a time-out, or without a position in the stream, no later answer can be read. */
  #break(error: Error): void {
    // At once: a write in progress must not read memory that the producer uses again.
    this.#socket.destroy();
    this.#fail(error);
  }

  #fail(error: Error): void {
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { timer, reject } of all) {
      clearTimeout(timer);
      reject(error);
    }
  }
}
