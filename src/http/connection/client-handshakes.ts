/**
 * TLS handshakes in which clients show certificates. A certificate that is not accepted must not break the connection where it
 * is optional, and has to be named in the log where it ends the handshake.
 */
import type { X509Certificate } from 'node:crypto';
import type { Server } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { describeCertificate } from '../../auth/client-certificates.ts';
import type { Logger } from '../../log.ts';
import { networkOf } from '../../pipeline/refusal-facts.ts';
import { systemTime } from '../../support/time.ts';
import { LineLimit } from '../../pipeline/line-limit.ts';
import { TrustedPeers, type ClientAddress } from './client-address.ts';
import type { ProxiedPeers } from './proxied-peers.ts';

const REFUSED = 'TLS handshake refused for the client certificate';

/** OpenSSL's code, in Node's form, where the client has no certificate. */
const NO_CERTIFICATE = 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE';

/** What is known of a client whose handshake goes on. */
interface Shown {
  readonly certificate: X509Certificate | undefined;
  readonly client: ClientAddress;
}

/** For a server that requests certificates. `areRequired`: it ends a handshake without one that it accepts. */
export function watchClientCertificates(
  server: Server,
  areRequired: boolean,
  log: Logger,
  proxied?: ProxiedPeers,
): void {
  const peers = new TrustedPeers([], (socket) => proxied?.clientOf(socket) ?? socket);
  const limit = new LineLimit(({ cause, client }, omitted) => {
    log.warn({ reason: cause, client, omitted }, REFUSED);
  }, systemTime);
  const shown = new WeakMap<TLSSocket, Shown>();
  const note = (socket: TLSSocket): Shown => {
    const noted = {
      certificate: socket.getPeerX509Certificate(),
      client: peers.clientOf({ socket, headers: {} }),
    };
    shown.set(socket, noted);
    return noted;
  };

  if (areRequired) noteBeforeRefusal(server, note);
  // The check of a signature that does not fit leaves an error behind in OpenSSL, although the handshake goes on. Without this
  // call, the first read of the connection takes it for its own, and the client gets 400. Reading a certificate clears it.
  else server.on('secureConnection', (socket: TLSSocket) => void socket.getPeerX509Certificate());

  server.on('tlsClientError', (error: Error & { code?: string }, socket: TLSSocket) => {
    const {
      certificate,
      client: { client, address },
    } = shown.get(socket) ?? note(socket);
    const why = codeOf(socket) ?? error.code ?? 'unknown';
    if (!certificate && why !== NO_CERTIFICATE) return;
    const omitted = limit.next({ cause: why, sender: undefined, client: networkOf({ address }) });
    if (omitted === undefined) return;
    const detail = certificate ? describeCertificate(certificate, why) : 'the client has no certificate';
    log.warn({ client, detail, ...(omitted > 0 && { omitted }) }, REFUSED);
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
