/**
 * TLS handshakes that fail: the log says why, since the client's event is lost and there is no request to answer. A certificate of a
 * client that is not accepted must not break the connection where it is optional.
 */
import type { X509Certificate } from 'node:crypto';
import type { Server } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { describeCertificate } from '../../auth/client-certificates.ts';
import type { Cause } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import { networkOf } from '../../pipeline/refusal-facts.ts';
import { systemTime } from '../../support/time.ts';
import { LineLimit } from '../../pipeline/line-limit.ts';
import { TrustedPeers, type ClientAddress } from './client-address.ts';
import type { ProxiedPeers } from './proxied-peers.ts';

const REFUSED = 'TLS handshake refused for the client certificate';

/** OpenSSL's code, in Node's form, where the client has no certificate. */
const NO_CERTIFICATE = 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE';

/**
 * What OpenSSL's codes mean, in Node's form. A connection that was only opened and closed has another code: health checks and scans of
 * ports do that. So has one whose time is over.
 */
const REASONS: readonly (readonly [code: RegExp, reason: string, cause: Cause])[] = [
  [
    /_(?:HTTP_REQUEST|HTTPS_PROXY_REQUEST|WRONG_VERSION_NUMBER|BAD_PACKET_LENGTH|PACKET_LENGTH_TOO_LONG)$/,
    'the client does not speak TLS: its URL may have http in place of https, or it sends the PROXY protocol, which is read with server.proxy_protocol from the peers in server.forwarded_allow_ips',
    'speaks-no-tls',
  ],
  [
    /_ALERT_(?:UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_\w+|UNSUPPORTED_CERTIFICATE)$/,
    'the client does not accept the certificate of the proxy',
    'server-certificate',
  ],
  [
    /_(?:UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW|NO_SHARED_CIPHER|ALERT_PROTOCOL_VERSION|ALERT_HANDSHAKE_FAILURE)$/,
    'the client and the proxy have no version or cipher of TLS in common',
    'handshake',
  ],
  [/_NO_APPLICATION_PROTOCOL$/, 'the client speaks HTTP/2 only, and the proxy HTTP/1.1', 'handshake'],
  [/^ERR_SSL_/, 'an error of the protocol', 'handshake'],
];

/** What is known of a client whose handshake goes on. */
interface Shown {
  readonly certificate: X509Certificate | undefined;
  /** Undefined: the client has gone. */
  readonly client: ClientAddress | undefined;
}

/** Which client certificates a server requests; `required`: it ends a handshake without one that it accepts. */
export type RequestedCertificates = 'none' | 'optional' | 'required';

/** Hears of each handshake that has failed for a reason that someone can mend. `client` is undefined if it has gone. */
export type HandshakeFailed = (client: ClientAddress | undefined, why: string, cause: Cause) => void;

/** For a server with TLS. */
export function watchHandshakes(
  server: Server,
  requested: RequestedCertificates,
  log: Logger,
  failed: HandshakeFailed,
  proxied?: ProxiedPeers,
): void {
  const peers = new TrustedPeers([], (socket) => proxied?.clientOf(socket) ?? socket);
  const limit = new LineLimit(({ cause, client }, omitted) => {
    log.warn({ reason: cause, client, omitted }, 'failed TLS handshakes were not logged one by one');
  }, systemTime);
  const shown = new WeakMap<TLSSocket, Shown>();
  const clientOf = (socket: TLSSocket): ClientAddress | undefined => {
    // A client that has reset the connection has no address any more, as the peer of a Unix socket.
    const hasGone = socket.remoteAddress === undefined && typeof server.address() !== 'string';
    return hasGone ? undefined : peers.clientOf({ socket, headers: {} });
  };
  const note = (socket: TLSSocket): Shown => {
    const noted = { certificate: socket.getPeerX509Certificate(), client: clientOf(socket) };
    shown.set(socket, noted);
    return noted;
  };

  if (requested === 'required') noteBeforeRefusal(server, note);
  // The check of a signature that does not fit leaves an error behind in OpenSSL, although the handshake goes on. Without this
  // call, the first read of the connection takes it for its own, and the client gets 400. Reading a certificate clears it.
  if (requested === 'optional')
    server.on('secureConnection', (socket: TLSSocket) => void socket.getPeerX509Certificate());

  server.on('tlsClientError', (error: Error & { code?: string }, socket: TLSSocket) => {
    const { certificate, client } = shown.get(socket) ?? note(socket);
    const code = codeOf(socket) ?? error.code ?? 'unknown';
    const isRefused = certificate !== undefined || code === NO_CERTIFICATE;
    const [, reason, cause = 'client-certificate' as const] = isRefused
      ? []
      : (REASONS.find(([pattern]) => pattern.test(code)) ?? []);
    if (!isRefused && reason === undefined) return;
    failed(client, reason ?? `${REFUSED}: ${certificate ? code : 'the client has none'}`, cause);
    const omitted = limit.next({ cause: code, sender: undefined, client: client && networkOf(client) });
    if (omitted === undefined) return;
    const facts = { client: client?.client, ...(omitted > 0 && { omitted }) };
    if (!isRefused) log.warn({ ...facts, reason, detail: code }, 'TLS handshake failed');
    else if (certificate) log.warn({ ...facts, detail: describeCertificate(certificate, code) }, REFUSED);
    else log.warn({ ...facts, detail: 'the client has no certificate' }, REFUSED);
  });
}

/**
 * Calls `note` at the end of each handshake, before Node closes the socket of a refused certificate: the certificate is gone then.
 * `keylog` is the only event of Node that gives the socket before. The secrets that come with it are not read.
 */
function noteBeforeRefusal(server: Server, note: (socket: TLSSocket) => void): void {
  const known = new WeakSet<TLSSocket>();
  server.on('keylog', (_secret: Buffer, socket: TLSSocket) => {
    if (known.has(socket)) return;
    known.add(socket);
    socket.prependOnceListener('secure', () => note(socket));
  });
}

/** OpenSSL's verdict about the certificate. Node's types say Error; the value is a string. */
function codeOf({ authorizationError }: TLSSocket): string | undefined {
  const code: unknown = authorizationError;
  return typeof code === 'string' ? code : undefined;
}
