/** Node's HTTP server, with limits and time-outs against clients that would exhaust it. */
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { SecureContextOptions, TlsOptions } from 'node:tls';
import type { Logger } from '../../log.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import type { SimpleHandler } from '../simple/simple-connection.ts';
import { SimpleConnections } from '../simple/simple-connections.ts';
import { watchHandshakes, type HandshakeFailed, type RequestedCertificates } from './client-handshakes.ts';
import type { ProxiedPeers } from './proxied-peers.ts';

export interface ListenerSettings {
  readonly tls: (SecureContextOptions & TlsOptions) | undefined;
  /** Milliseconds that an idle connection stays open. Java clients reuse a connection that is idle for up to 5 s. */
  readonly keepAliveMs: number;
  /**
   * Milliseconds that the head of a request may take to arrive, from the start of the connection or the end of the last
   * answer. 0: no limit.
   */
  readonly headersTimeoutMs: number;
  /** Milliseconds that a whole request may take to arrive. 0: no limit. */
  readonly requestTimeoutMs: number;
  /** Most bytes of a request line and its headers. */
  readonly maxHeaderBytes: number;
  /** Most headers of a request; a request with more is answered 431. */
  readonly maxHeaders: number;
  /** Undefined: no connection begins with the PROXY protocol. */
  readonly proxied?: ProxiedPeers | undefined;
}

/**
 * Milliseconds between checks of the time limits for heads and requests.
 * With Node's default of 30 s, a limit of 60 s would take up to 90 s.
 */
const CHECK_INTERVAL_MS = 1000;

/** Milliseconds between log lines about refused connections. In a flood there are thousands of them. */
const WARNING_INTERVAL_MS = 60_000;

/**
 * Makes a server that does not listen yet. Simple requests go to `simple`, all others to the listeners of the server. It
 * handles failed TLS handshakes itself; `failed` hears of them.
 */
export function createListener(
  settings: ListenerSettings,
  metrics: Metrics,
  log: Logger,
  failed: HandshakeFailed,
  simple: SimpleHandler,
): Server {
  const { tls, requestTimeoutMs, keepAliveMs, maxHeaderBytes, maxHeaders } = settings;
  const headersTimeout = shorterLimit(settings.headersTimeoutMs, requestTimeoutMs);
  const options = {
    keepAliveTimeout: keepAliveMs,
    requestTimeout: requestTimeoutMs,
    headersTimeout,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    maxHeaderSize: maxHeaderBytes,
    // `errorOfHead` refuses such a request, in the shape of every other error.
    requireHostHeader: false,
  };
  // A TLS handshake has the time limit of a head. OpenSSL has no limit, Node's default is two minutes.
  const handshakeTimeout = headersTimeout || 120_000;
  const server = tls ? createTlsServer({ ...options, handshakeTimeout, ...tls }) : createServer(options);
  // Milliseconds that a connection may have no traffic. A client that does not read its answer occupies a connection.
  // A request that does not arrive is answered 408 before that.
  server.timeout = requestTimeoutMs && requestTimeoutMs + 2 * CHECK_INTERVAL_MS;
  const limits = { maxHeaderBytes, maxHeaders, keepAliveMs, requestTimeoutMs };
  new SimpleConnections(
    { ...limits, headersTimeoutMs: headersTimeout, silenceMs: server.timeout },
    simple,
  ).attach(server, tls ? 'secureConnection' : 'connection');
  answerHalfClosed(server);
  // 0: no limit. Node would silently drop the headers above one, although its parser may have obeyed them.
  // `errorOfHead` counts the headers instead.
  server.maxHeadersCount = 0;
  const warn = seldom((message) => log.warn(`connections are closed as soon as they come: ${message}`));
  // A connection cannot be accepted for lack of open files or memory. A later one can be, when others have closed.
  // Without this listener the error would end the process.
  server.on('listening', () => server.on('error', ({ message }) => warn(message)));
  server.on('tlsClientError', () => metrics.tlsHandshakeFailures.inc());
  if (tls) watchHandshakes(server, requestedCertificates(tls), log, failed, settings.proxied);
  return server;
}

function requestedCertificates({ requestCert, rejectUnauthorized }: TlsOptions): RequestedCertificates {
  if (requestCert !== true) return 'none';
  return rejectUnauthorized === true ? 'required' : 'optional';
}

/** A function that passes on one message a minute. */
export function seldom(write: (message: string) => void): (message: string) => void {
  let quietUntil = Number.NEGATIVE_INFINITY;
  return (message) => {
    const now = performance.now();
    if (now < quietUntil) return;
    quietUntil = now + WARNING_INTERVAL_MS;
    write(message);
  };
}

/**
 * A client may close its writing half after the request and still read the answer (RFC 9293 §3.6), as `nc -N` does.
 * By default Node then closes the connection before the answer. This property of `http.Server` has no documentation.
 */
function answerHalfClosed(server: Server): void {
  Object.assign(server, { httpAllowHalfOpen: true });
  // With plain HTTP, Node sets it itself. Not before the end of the handshake: the socket of a client that closes
  // during it, as the health check of a load balancer does, would stay open until the handshake's time limit.
  server.on('secureConnection', (socket: Socket) => (socket.allowHalfOpen = true));
}

/** The shorter of two limits, where 0 means no limit. */
function shorterLimit(one: number, other: number): number {
  return one === 0 || other === 0 ? Math.max(one, other) : Math.min(one, other);
}
