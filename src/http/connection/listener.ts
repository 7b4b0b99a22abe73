/** Node's own server, with the limits and the time-outs that keep strangers from holding it up. */
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { SecureContextOptions, TlsOptions } from 'node:tls';
import type { Logger } from 'pino';
import type { Metrics } from '../../metrics/metrics.ts';

export interface ListenerSettings {
  readonly tls: (SecureContextOptions & TlsOptions) | undefined;
  /** Milliseconds that an idle connection is kept. Java clients reuse one up to 5 s old. */
  readonly keepAliveMs: number;
  /** Milliseconds that the head of a request may take to arrive, from the connection's or the last answer's end; 0 for ever. */
  readonly headersTimeoutMs: number;
  /** Milliseconds that a whole request may take to arrive; 0 for ever. */
  readonly requestTimeoutMs: number;
  /** Open connections; those above are closed as they come. */
  readonly maxConnections: number;
  /** Bytes of a request line and its headers. */
  readonly maxHeaderBytes: number;
}

/** How exactly the times for heads and requests are kept, in milliseconds; the default of 30 s would make 60 s up to 90. */
const CHECK_INTERVAL_MS = 1000;

/** Milliseconds between log lines about connections that are not taken: in a flood they come by the thousand. */
const COMPLAINT_INTERVAL_MS = 60_000;

/** Makes a server that does not listen yet, and takes care of all that is no request. */
export function createListener(settings: ListenerSettings, metrics: Metrics, log: Logger): Server {
  const { tls, requestTimeoutMs, maxConnections } = settings;
  const headersTimeout = shorter(settings.headersTimeoutMs, requestTimeoutMs);
  const options = {
    keepAliveTimeout: settings.keepAliveMs,
    requestTimeout: requestTimeoutMs,
    headersTimeout,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    maxHeaderSize: settings.maxHeaderBytes,
    // We refuse that ourselves, in the shape of every other error.
    requireHostHeader: false,
  };
  // A handshake has to come about in the time of a head. OpenSSL's own limit is none, Node's two minutes.
  const handshakeTimeout = headersTimeout || 120_000;
  const server = tls ? createTlsServer({ ...options, handshakeTimeout, ...tls }) : createServer(options);
  server.maxConnections = maxConnections;
  // So long nothing may move on a connection while an answer is being written: whoever does not read it holds a place. A request that
  // does not arrive is found out before that, and told.
  server.timeout = requestTimeoutMs && requestTimeoutMs + 2 * CHECK_INTERVAL_MS;
  // Node would leave out those above without a word, and the parser may have gone by what stood in them. We count.
  server.maxHeadersCount = 0;
  let quietUntil = Number.NEGATIVE_INFINITY;
  const complain = (why: string) => {
    const now = performance.now();
    if (now < quietUntil) return;
    quietUntil = now + COMPLAINT_INTERVAL_MS;
    log.warn(`connections are closed as soon as they come: ${why}`);
  };
  server.on('drop', () => {
    metrics.connectionsRefused.inc();
    complain(`there are ${maxConnections}, as many as server.max_connections allows`);
  });
  // When it cannot be accepted, for lack of files or memory: others go, and later ones can. Without a listener it would end us.
  server.on('listening', () => server.on('error', ({ message }) => complain(message)));
  server.on('tlsClientError', () => metrics.tlsHandshakeFailures.inc());
  return server;
}

/** Of two limits of which 0 means that there is none. */
function shorter(one: number, other: number): number {
  return one === 0 || other === 0 ? Math.max(one, other) : Math.min(one, other);
}
