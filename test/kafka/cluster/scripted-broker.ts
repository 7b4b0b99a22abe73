/** A broker that takes what a test says: these requests in these versions. It answers with one topic, and notes each request. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { Writer } from '@platformatic/kafka';

/** The versions of a request that it takes, by the number of the request. */
export type Ranges = Readonly<Record<number, readonly [least: number, most: number]>>;

export interface NotedRequest {
  readonly key: number;
  readonly version: number;
}

export interface ScriptedBroker {
  readonly address: string;
  /** All requests so far. */
  readonly requests: readonly NotedRequest[];
  /** Connections so far. */
  readonly connections: () => number;
  /** It is upgraded: closes its connections, and takes other versions from now on. */
  readonly upgrade: (ranges: Ranges) => void;
}

export const KEYS = {
  produce: 0,
  metadata: 3,
  leaderAndIsr: 4,
  handshake: 17,
  apiVersions: 18,
  createTopics: 19,
  initProducerId: 22,
  describeConfigs: 32,
  authenticate: 36,
} as const;

/** What it says of the topic. */
export const TOPIC = { name: 'input.runs', limit: 1_234_567, behindMs: 5000 };
export const PRODUCER = { id: 4711n, epoch: 7 };

const UNSUPPORTED_VERSION = 35;

/** The first version of each request with varints and tagged fields (KIP-482). */
const FLEXIBLE: Readonly<Record<number, number>> = {
  [KEYS.produce]: 9,
  [KEYS.metadata]: 9,
  [KEYS.createTopics]: 5,
  [KEYS.initProducerId]: 2,
  [KEYS.describeConfigs]: 4,
  [KEYS.authenticate]: 2,
};

/**
 * As Kafka does it, it closes the connection of a request in a version that it does not take. `answers` says which requests it
 * answers at all.
 */
export async function startScriptedBroker(
  test: TestContext,
  first: Ranges,
  answers: (key: number) => boolean = () => true,
): Promise<ScriptedBroker> {
  let ranges = first;
  let connections = 0;
  const requests: NotedRequest[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    connections += 1;
    let received = Buffer.alloc(0);
    socket.on('error', () => undefined);
    socket.on('data', (piece: Buffer) => {
      received = Buffer.concat([received, piece]);
      while (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
        const end = 4 + received.readInt32BE(0);
        const request = received.subarray(4, end);
        received = received.subarray(end);
        const noted = { key: request.readInt16BE(0), version: request.readInt16BE(2) };
        requests.push(noted);
        const answer = answerTo(noted, request.readInt32BE(4), ranges, server.address());
        if (answer && answers(noted.key)) socket.write(answer);
        else socket.destroy();
      }
    });
  });
  const close = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  await once(server.listen(0, '127.0.0.1'), 'listening');
  test.after(() => {
    server.close();
    close();
  });
  return {
    address: `127.0.0.1:${portOf(server.address())}`,
    requests,
    connections: () => connections,
    upgrade: (next) => {
      ranges = next;
      close();
    },
  };
}

function portOf(address: ReturnType<ReturnType<typeof createServer>['address']>): number {
  if (address === null || typeof address === 'string') throw new Error('it has no port');
  return address.port;
}

function answerTo(
  { key, version }: NotedRequest,
  correlationId: number,
  ranges: Ranges,
  address: ReturnType<ReturnType<typeof createServer>['address']>,
): Buffer | undefined {
  if (key === KEYS.apiVersions) return versionsAnswer(version, correlationId, ranges);
  if (!isTaken({ key, version }, ranges)) return undefined;
  const answer = Writer.create().appendInt32(correlationId);
  const isFlexible = version >= (FLEXIBLE[key] ?? Number.POSITIVE_INFINITY);
  if (isFlexible) answer.appendTaggedFields();
  switch (key) {
    case KEYS.metadata:
      writeMetadata(answer, version, isFlexible, portOf(address));
      break;
    case KEYS.initProducerId:
      answer.appendInt32(0).appendInt16(0).appendInt64(PRODUCER.id).appendInt16(PRODUCER.epoch);
      break;
    case KEYS.describeConfigs:
      writeConfigs(answer, version, isFlexible);
      break;
    case KEYS.createTopics:
      writeCreation(answer, version);
      break;
    case KEYS.produce:
      writeProduced(answer, version, isFlexible);
      break;
    case KEYS.handshake:
      answer.appendInt16(0).appendInt32(0);
      break;
    case KEYS.authenticate:
      answer.appendInt16(0).appendString(null, isFlexible).appendBytes(Buffer.alloc(0), isFlexible);
      if (version >= 1) answer.appendInt64(0n);
      break;
    default:
      throw new Error(`the scripted broker does not know request ${key}`);
  }
  if (isFlexible) answer.appendTaggedFields();
  return answer.prependLength().buffer;
}

export function isTaken({ key, version }: NotedRequest, ranges: Ranges): boolean {
  const range = ranges[key];
  return range !== undefined && version >= range[0] && version <= range[1];
}

/**
 * The answer to the question for versions. Its header has no tagged fields (KIP-511). An unknown version gets an answer in the form
 * of version 0.
 */
export function versionsAnswer(version: number, correlationId: number, ranges: Ranges): Buffer {
  const answer = Writer.create().appendInt32(correlationId);
  const key = KEYS.apiVersions;
  if (isTaken({ key, version }, ranges)) writeVersions(answer, version, ranges);
  else writeVersions(answer.appendInt16(UNSUPPORTED_VERSION), -1, { [key]: ranges[key] ?? [0, 0] });
  return answer.prependLength().buffer;
}

/** Version -1: after an error, in the form of version 0. */
function writeVersions(answer: Writer, version: number, ranges: Ranges): void {
  const isFlexible = version >= 3;
  if (version >= 0) answer.appendInt16(0);
  answer.appendArray(
    Object.entries(ranges),
    (writer, [key, [least, most]]) => writer.appendInt16(Number(key)).appendInt16(least).appendInt16(most),
    isFlexible,
    isFlexible,
  );
  if (version >= 1) answer.appendInt32(0);
  if (isFlexible) answer.appendTaggedFields();
}

function writeMetadata(answer: Writer, version: number, isFlexible: boolean, port: number): void {
  const numbers = (writer: Writer, ...all: number[]) =>
    writer.appendArray(all, (inner, one) => inner.appendInt32(one), isFlexible, false);
  answer
    .appendInt32(0)
    .appendArray(
      [1],
      (writer, node) =>
        writer
          .appendInt32(node)
          .appendString('127.0.0.1', isFlexible)
          .appendInt32(port)
          .appendString(null, isFlexible),
      isFlexible,
      isFlexible,
    )
    .appendString('cluster', isFlexible)
    .appendInt32(1)
    .appendArray(
      [TOPIC.name],
      (writer, name) => {
        writer.appendInt16(0).appendString(name, isFlexible);
        if (version >= 10) writer.append(Buffer.alloc(16, 1));
        writer.appendBoolean(false).appendArray(
          [0],
          (inner, partition) => {
            inner.appendInt16(0).appendInt32(partition).appendInt32(1);
            if (version >= 7) inner.appendInt32(0);
            numbers(numbers(inner, 1), 1);
            if (version >= 5) numbers(inner);
          },
          isFlexible,
          isFlexible,
        );
        if (version >= 8) writer.appendInt32(-(2 ** 31));
      },
      isFlexible,
      isFlexible,
    );
  if (version >= 8 && version <= 10) answer.appendInt32(-(2 ** 31));
}

function writeConfigs(answer: Writer, version: number, isFlexible: boolean): void {
  const configs = { 'max.message.bytes': TOPIC.limit, 'message.timestamp.difference.max.ms': TOPIC.behindMs };
  answer.appendInt32(0).appendArray(
    [TOPIC.name],
    (writer, name) =>
      writer
        .appendInt16(0)
        .appendString(null, isFlexible)
        .appendInt8(2)
        .appendString(name, isFlexible)
        .appendArray(
          Object.entries(configs),
          (inner, [key, value]) => {
            inner
              .appendString(key, isFlexible)
              .appendString(String(value), isFlexible)
              .appendBoolean(false)
              .appendInt8(1)
              .appendBoolean(false)
              .appendArray([], () => undefined, isFlexible, false);
            if (version >= 3) inner.appendInt8(5).appendString(null, isFlexible);
          },
          isFlexible,
          isFlexible,
        ),
    isFlexible,
    isFlexible,
  );
}

function writeCreation(answer: Writer, version: number): void {
  answer.appendInt32(0).appendArray([TOPIC.name], (writer, name) => {
    writer.appendString(name);
    if (version >= 7) writer.append(Buffer.alloc(16, 1));
    writer
      .appendInt16(0)
      .appendString(null)
      .appendInt32(3)
      .appendInt16(1)
      .appendArray([], () => undefined);
  });
}

function writeProduced(answer: Writer, version: number, isFlexible: boolean): void {
  answer
    .appendArray(
      [TOPIC.name],
      (writer, name) =>
        writer.appendString(name, isFlexible).appendArray(
          [0],
          (inner, partition) => {
            inner
              .appendInt32(partition)
              .appendInt16(0)
              .append(Buffer.alloc(version >= 5 ? 24 : 16));
            if (version >= 8)
              inner.appendArray([], () => undefined, isFlexible, false).appendString(null, isFlexible);
          },
          isFlexible,
          isFlexible,
        ),
      isFlexible,
      isFlexible,
    )
    .appendInt32(0);
}
