import assert from 'node:assert/strict';
import { request, type Agent, type IncomingHttpHeaders, type RequestOptions } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { Proxy } from '../../tools/proxy.ts';
import type { RawAnswer } from './raw-connection.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Sending {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** In chunks of a kilobyte, without Content-Length. */
  readonly chunked?: boolean;
  readonly agent?: Agent;
}

const PIECE = 1024;

/** Posts bytes, by default to /api/v1/lineage and without a Content-Type. */
export function post(proxy: Proxy, body: Buffer | string, sending: Sending = {}): Promise<Answer> {
  return send(proxy, { method: 'POST', ...sending }, Buffer.from(body));
}

export function get(proxy: Proxy, path: string, sending: Sending = {}): Promise<Answer> {
  return send(proxy, { method: 'GET', path, ...sending });
}

/** Opens a new connection, unless an agent is given. */
async function send(proxy: Proxy, sending: Sending, body?: Buffer): Promise<Answer> {
  const { method = 'GET', path = '/api/v1/lineage', headers = {}, chunked = false, agent = false } = sending;
  const options: RequestOptions = { method, path, agent, host: '127.0.0.1', port: proxy.port };
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sent = request(options, (response) => {
    const { statusCode = 0, headers } = response;
    buffer(response).then(
      (bytes) => resolve({ status: statusCode, headers, text: bytes.toString() }),
      reject,
    );
  });
  sent.on('error', reject);
  for (const [name, value] of Object.entries(headers)) sent.setHeader(name, value);
  if (body !== undefined && !chunked) sent.setHeader('content-length', body.length);
  if (chunked)
    for (let at = 0; at < (body?.length ?? 0); at += PIECE) sent.write(body?.subarray(at, at + PIECE));
  sent.end(chunked ? undefined : body);
  return promise;
}

/** What both kinds of answers have. */
type AnyAnswer = Answer | RawAnswer;

/** Where the event is, as the header `X-Delivery` says. Undefined if the answer does not have it. */
export function deliveryOf({ headers }: Pick<AnyAnswer, 'headers'>): unknown {
  return isMap(headers) ? headers.get('x-delivery') : headers['x-delivery'];
}

function isMap(headers: AnyAnswer['headers']): headers is RawAnswer['headers'] {
  return headers instanceof Map;
}

function assertKept(answer: AnyAnswer, delivery: string, about?: string): void {
  const text = 'text' in answer ? answer.text : answer.body;
  const found = { status: answer.status, text, delivery: deliveryOf(answer) };
  const expected = { status: 201, text: '', delivery };
  if (about === undefined) assert.deepEqual(found, expected);
  else assert.deepEqual(found, expected, `${about}: ${JSON.stringify(found)}`);
}

/** Fails unless Kafka has acknowledged the event. `about` is for the message, as in the next ones. */
export function created(answer: AnyAnswer, about?: string): void {
  assertKept(answer, 'kafka', about);
}

/** Fails unless the event is on disk. */
export function spooled(answer: AnyAnswer, about?: string): void {
  assertKept(answer, 'spool', about);
}

/** Fails unless the event is kept for the dead-letter topic. */
export function deadLettered(answer: AnyAnswer, about?: string): void {
  assertKept(answer, 'dead-letter', about);
}

/** Fails unless the event is in Kafka or on disk. */
export function accepted(answer: AnyAnswer, about?: string): void {
  assertKept(answer, deliveryOf(answer) === 'spool' ? 'spool' : 'kafka', about);
}

export interface SentError {
  readonly code: string;
  readonly message: string;
  readonly details: unknown;
}

/** The error of an answer. Fails unless the body has exactly the shape that all errors share. */
export function errorOf(body: string): SentError {
  const parsed: unknown = JSON.parse(body);
  assert.ok(isObject(parsed));
  assert.deepEqual(Object.keys(parsed), ['error']);
  const { error } = parsed;
  assert.ok(isObject(error));
  assert.deepEqual(Object.keys(error), ['code', 'message', 'details']);
  const { code, message, details } = error;
  assert.ok(typeof code === 'string' && typeof message === 'string' && message !== '');
  return { code, message, details };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A JSON object, such as the answer to a batch. */
export function parsed(body: string): Record<string, unknown> {
  const value: unknown = JSON.parse(body);
  assert.ok(isObject(value));
  return value;
}
