/**
 * Posts an event to an OpenLineage endpoint, and tries again as a good client does: when the endpoint cannot be reached,
 * or says that it is unavailable or over a quota, with growing pauses or after its `Retry-After`.
 */
import http from 'node:http';
import https from 'node:https';
import type { TLSSocketOptions } from 'node:tls';
import { backoff } from '../../support/backoff.ts';
import { errorCode, errorText } from '../../support/error-text.ts';
import type { Time } from '../../support/time.ts';

/** The answer that decides about an event. */
export interface Answer {
  readonly status: number;
  /** The header `X-Delivery` of http2kafka: `kafka`, `spool` or `dead-letter`. */
  readonly delivery: string | undefined;
  /** The first bytes of the body. */
  readonly body: string;
}

/** The endpoint cannot be reached, or is unavailable, and all attempts are used. */
export class EndpointUnavailable extends Error {
  override readonly name = 'EndpointUnavailable';
}

export interface EndpointOptions {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly ca: TLSSocketOptions['ca'] | undefined;
  readonly connections: number;
  /** Attempts for one event. */
  readonly attempts: number;
  readonly timeoutMs: number;
  readonly time: Time;
}

/** Bytes of an answer that are kept. An answer of http2kafka has 64 KiB at most. */
const MAX_ANSWER_BYTES = 64 * 1024;

const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 30_000;

/** RFC 9110 §15: the request was not at fault, and may succeed later. */
const RETRIABLE: readonly number[] = [408, 425, 429, 500, 502, 503, 504];

export class Endpoint {
  readonly #options: EndpointOptions;
  readonly #agent: http.Agent;
  /** How often an event was sent once more. */
  retries = 0;

  constructor(options: EndpointOptions) {
    const { url, connections, ca } = options;
    this.#options = options;
    const agent = { keepAlive: true, maxSockets: connections, ...(ca !== undefined && { ca }) };
    this.#agent = url.protocol === 'https:' ? new https.Agent(agent) : new http.Agent(agent);
  }

  /**
   * Resolves to the answer that decides. After `ending` it makes no other attempt.
   * @throws {EndpointUnavailable} when all attempts are used, or no other is to be made.
   */
  async post(event: Buffer, ending: AbortSignal): Promise<Answer> {
    const { attempts, time } = this.#options;
    const isEnding = () => ending.aborted;
    for (let attempt = 1; !isEnding(); attempt++) {
      const result = await this.#attempt(event);
      if (typeof result !== 'string' && !RETRIABLE.includes(result.status)) return result;
      const isOver = attempt === attempts || isEnding();
      // A server that fails on one event may take the others.
      if (isOver && typeof result !== 'string' && result.status === 500) return result;
      const problem = typeof result === 'string' ? result : `it answers with status ${result.status}`;
      if (isOver) throw new EndpointUnavailable(`${problem}, after ${attempt} of ${attempts} attempts`);
      const asked = typeof result === 'string' ? undefined : result.retryAfterMs;
      const pauseMs = Math.min(MAX_PAUSE_MS, asked ?? backoff(attempt, FIRST_PAUSE_MS, MAX_PAUSE_MS));
      await pause(time, pauseMs, ending);
      this.retries += 1;
    }
    throw new EndpointUnavailable('the sending ends');
  }

  close(): void {
    this.#agent.destroy();
  }

  /** One request. Resolves to its answer, or to the text of the reason why there is none. */
  async #attempt(event: Buffer): Promise<(Answer & { readonly retryAfterMs: number | undefined }) | string> {
    const { url, headers, timeoutMs } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
    const all = { 'content-type': 'application/json', ...headers, 'content-length': event.length };
    const request = (url.protocol === 'https:' ? https : http).request(
      url,
      { method: 'POST', headers: all, agent: this.#agent, signal: AbortSignal.timeout(timeoutMs) },
      resolve,
    );
    request.on('error', reject).end(event);
    try {
      const message = await promise;
      const body = await textOf(message);
      const { 'x-delivery': delivery, 'retry-after': retryAfter } = message.headers;
      return {
        status: message.statusCode ?? 0,
        delivery: typeof delivery === 'string' ? delivery : undefined,
        body,
        retryAfterMs: retryAfterOf(retryAfter, this.#options.time),
      };
    } catch (error) {
      return errorCode(error) === 'ABORT_ERR' ? `no answer within ${timeoutMs / 1000} s` : errorText(error);
    }
  }
}

/** RFC 9110 §10.2.3: seconds, or a date. In milliseconds from now. */
function retryAfterOf(value: string | undefined, time: Time): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - time.wall.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

/** The whole body is read, so that the connection can be used again. */
async function textOf(message: http.IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of message) {
    if (!Buffer.isBuffer(piece) || size >= MAX_ANSWER_BYTES) continue;
    pieces.push(piece);
    size += piece.length;
  }
  return Buffer.concat(pieces).toString('utf8', 0, MAX_ANSWER_BYTES);
}

/** Resolves after so many milliseconds, or when `ending` is aborted. */
export async function pause(time: Time, delayMs: number, ending: AbortSignal): Promise<void> {
  if (ending.aborted) return;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const end = () => resolve(undefined);
  const timer = time.setTimeout(end, delayMs);
  ending.addEventListener('abort', end);
  await promise;
  timer[Symbol.dispose]();
  ending.removeEventListener('abort', end);
}
