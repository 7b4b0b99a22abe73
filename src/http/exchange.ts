/** One request and its answer: what every step between them needs. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Sender } from '../auth/sender.ts';
import type { Limits } from '../auth/senders.ts';

/** A sender whom the door has let in. */
export interface KnownSender {
  readonly sender: Sender;
  readonly limits: Limits;
}

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Without the query and the root path. */
  readonly path: string;
  readonly requestId: string;
  /** `performance.now()` when the head of the request had arrived. */
  readonly startedAt: number;
  /** Set by the door; undefined where everybody may send, and until it is known who does. */
  known?: KnownSender;
}

/** Safe in a header, a log line and a record header; what common tools make (UUIDs, ULIDs, trace ids, AWS's). */
const SANE_TOKEN = /^[A-Za-z0-9._~:@=+/-]{1,128}$/;

/** The request's own id when it is a sane token, else a new one. `header` in lower case. */
export function requestIdOf(request: IncomingMessage, header: string): string {
  const given = request.headers[header];
  return typeof given === 'string' && SANE_TOKEN.test(given) ? given : randomUUID();
}

/** The path of a request: no query, no root path, no slash at the end. */
export function pathOf(url: string, rootPath: string): string {
  let path = originForm(url);
  const query = path.indexOf('?');
  if (query !== -1) path = path.slice(0, query);
  if (rootPath !== '' && path.startsWith(`${rootPath}/`)) path = path.slice(rootPath.length);
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

/** A server takes `POST http://host/path`, too, as it is sent to a forward proxy (RFC 9112 §3.2.2). */
export function originForm(url: string): string {
  if (url.startsWith('/')) return url;
  const path = url.replace(/^https?:\/\/[^/?]*/i, '');
  return path.startsWith('/') ? path : `/${path}`;
}
