/** Senders by the certificate that they have shown when the connection was made (mutual TLS). */
import type { Socket } from 'node:net';
import { TLSSocket, type PeerCertificate } from 'node:tls';
import { rejected, type Finding } from './sender.ts';

/** What of a certificate names its sender. */
export type CertificateName = 'common-name' | 'subject' | 'san';

export class ClientCertificates {
  readonly #nameOf: (certificate: PeerCertificate) => string | undefined;
  /** A connection's certificate stays the same, and to read it costs more than an event. */
  readonly #found = new WeakMap<Socket, Finding>();

  constructor(name: CertificateName) {
    this.#nameOf = NAMES[name];
  }

  /** Whose certificate a connection has shown; undefined when it has shown none. */
  find(socket: Socket): Finding | undefined {
    const known = this.#found.get(socket);
    if (known) return known.rejection || Date.now() < known.holdsUntil ? known : EXPIRED;
    if (!(socket instanceof TLSSocket)) return undefined;
    const certificate = socket.getPeerCertificate();
    // An empty object where there is none.
    if (Object.keys(certificate).length === 0) return undefined;
    const finding = this.#judge(socket, certificate);
    this.#found.set(socket, finding);
    return finding;
  }

  #judge(socket: TLSSocket, certificate: PeerCertificate): Finding {
    // With `optional` a connection comes about, whoever has signed the certificate.
    if (!socket.authorized) return rejected('certificate', 'Invalid client certificate', reasonOf(socket));
    const name = this.#nameOf(certificate);
    if (name === undefined || name === '' || /\p{Cc}/u.test(name)) {
      return rejected('certificate', 'Invalid client certificate', 'It has no name that could be the sender');
    }
    const holdsUntil = Date.parse(certificate.valid_to);
    return Date.now() < holdsUntil ? { sender: { way: 'certificate', name }, holdsUntil } : EXPIRED;
  }
}

/** A connection may live longer than the certificate that it was made with. */
const EXPIRED = rejected('expired', 'Invalid client certificate', 'It has expired');

const NAMES: Readonly<Record<CertificateName, (certificate: PeerCertificate) => string | undefined>> = {
  // A subject may have several of a kind; the last is the most exact (RFC 4514 §2.1 has them from behind).
  'common-name': ({ subject: { CN } }) => lastOf(CN),
  // RFC 4514: the most exact first.
  subject: ({ subject }) =>
    Object.entries(subject)
      .flatMap(([type, values]) => [values].flat().map((value) => `${type}=${escaped(value ?? '')}`))
      .toReversed()
      .join(','),
  // `URI:spiffe://prod/trino, DNS:trino.example.com`
  san: ({ subjectaltname = '' }) => /(?:^|, )(?:URI|email|DNS):([^",]+)(?=, |$)/.exec(subjectaltname)?.[1],
};

function lastOf(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'object' ? value.at(-1) : value;
}

/** RFC 4514 §2.4. */
function escaped(value: string): string {
  return value.replace(/[,+"\\<>;]|^[ #]| $/g, '\\$&');
}

/** OpenSSL's code, such as `UNABLE_TO_VERIFY_LEAF_SIGNATURE`. */
function reasonOf({ authorizationError }: TLSSocket): string | null {
  // Declared as an Error, it is a text.
  const code: unknown = authorizationError;
  return typeof code === 'string' ? code : null;
}
