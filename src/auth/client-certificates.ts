/** Recognises senders by the client certificate of their connection (mutual TLS). */
import type { Socket } from 'node:net';
import { TLSSocket, type PeerCertificate } from 'node:tls';
import { systemTime, type Time } from '../support/time.ts';
import { rejected, type Finding } from './sender.ts';
import { Validity } from './validity.ts';

/** The part of a certificate that names the sender. */
export type CertificateName = 'common-name' | 'subject' | 'san';

export class ClientCertificates {
  readonly #nameOf: (certificate: PeerCertificate) => string | undefined;
  /** By connection: its certificate does not change, and reading it costs more than an event. */
  readonly #found = new WeakMap<Socket, { readonly finding: Finding; readonly validity?: Validity }>();
  readonly #time: Time;

  constructor(name: CertificateName, time = systemTime) {
    this.#nameOf = NAMES[name];
    this.#time = time;
  }

  /** The sender of a connection; undefined without a certificate. */
  find(socket: Socket): Finding | undefined {
    const known = this.#found.get(socket);
    if (known) return known.validity?.isOver === true ? EXPIRED : known.finding;
    if (!(socket instanceof TLSSocket)) return undefined;
    const certificate = socket.getPeerCertificate();
    // Node gives an empty object where there is no certificate.
    if (Object.keys(certificate).length === 0) return undefined;
    const finding = this.#judge(socket, certificate);
    // Not expiry: the machine's clock may have been wrong at this moment.
    if (finding === EXPIRED) return EXPIRED;
    this.#found.set(
      socket,
      finding.rejection ? { finding } : { finding, validity: new Validity(finding, this.#time) },
    );
    return finding;
  }

  #judge(socket: TLSSocket, certificate: PeerCertificate): Finding {
    // With `optional`, TLS accepts a certificate of any authority.
    if (!socket.authorized) return rejected('certificate', 'Invalid client certificate', reasonOf(socket));
    const name = this.#nameOf(certificate);
    if (name === undefined || name === '' || /\p{Cc}/u.test(name)) {
      return rejected('certificate', 'Invalid client certificate', 'It has no name for the sender');
    }
    const holdsUntil = Date.parse(certificate.valid_to);
    return this.#time.wall.now() < holdsUntil
      ? { sender: { way: 'certificate', name }, holdsUntil }
      : EXPIRED;
  }
}

/** A connection may live longer than its certificate. */
const EXPIRED = rejected('expired', 'Invalid client certificate', 'It has expired');

const NAMES: Readonly<Record<CertificateName, (certificate: PeerCertificate) => string | undefined>> = {
  // A subject may have several common names; the last is the most specific (RFC 4514 §2.1 writes them in reverse).
  'common-name': ({ subject: { CN } }) => lastOf(CN),
  // RFC 4514: the most specific first.
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
  // Node's types say Error; the value is a string.
  const code: unknown = authorizationError;
  return typeof code === 'string' ? code : null;
}
