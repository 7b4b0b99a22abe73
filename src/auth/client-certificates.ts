/** Recognises senders by the client certificate of their connection (mutual TLS). */
import type { X509Certificate } from 'node:crypto';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { isPrintable, printable } from '../support/printable.ts';
import { systemTime, type Time } from '../support/time.ts';
import { certificateNames, COMMON_NAME, nameText, type CertificateNames } from './certificate-names.ts';
import { isSenderName, NAME_RULE } from './sender-name.ts';
import { rejected, type Finding, type Rejected } from './sender.ts';
import { Validity } from './validity.ts';

/** The part of a certificate that names the sender. */
export type CertificateName = 'common-name' | 'subject' | 'san';

export class ClientCertificates {
  readonly #nameOf: (names: CertificateNames) => string | undefined;
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
    if (known && known.validity?.isOver !== true) return known.finding;
    if (!(socket instanceof TLSSocket)) return undefined;
    const certificate = socket.getPeerX509Certificate();
    if (!certificate) return undefined;
    const finding = this.#judge(socket, certificate);
    if (!finding.rejection) this.#found.set(socket, { finding, validity: new Validity(finding, this.#time) });
    // Not expiry: the machine's clock may have been wrong at this moment.
    else if (finding.rejection.reason !== 'expired') this.#found.set(socket, { finding });
    return finding;
  }

  #judge(socket: TLSSocket, certificate: X509Certificate): Finding {
    // With `optional`, TLS accepts a certificate of any authority.
    if (!socket.authorized) return invalid(reasonOf(socket), certificate);
    const name = this.#nameIn(certificate);
    if (!isSenderName(name)) return invalid(NO_NAME, certificate);
    const holdsUntil = Date.parse(certificate.validTo);
    return this.#time.wall.now() < holdsUntil
      ? { sender: { way: 'certificate', name }, holdsUntil }
      : expired(certificate);
  }

  #nameIn({ raw }: X509Certificate): string | undefined {
    try {
      return this.#nameOf(certificateNames(raw));
    } catch {
      return undefined;
    }
  }
}

const NO_NAME = `It has no name for the sender: ${NAME_RULE} were expected`;

/** A connection may live longer than its certificate. */
function expired(certificate: X509Certificate): Rejected {
  const why = 'It has expired';
  return rejected('expired', 'Invalid client certificate', why, describeCertificate(certificate, why));
}

const NAMES: Readonly<Record<CertificateName, (names: CertificateNames) => string | undefined>> = {
  // A subject may have several common names; the last is the most specific (RFC 4514 §2.1 writes them in reverse).
  'common-name': ({ subject }) => subject.flat().findLast(({ type }) => type === COMMON_NAME)?.text,
  subject: ({ subject }) =>
    subject.flat().every(({ text = '' }) => isPrintable(text)) ? nameText(subject) : undefined,
  // The first one decides, also where it cannot be a name. An internationalised name is in ASCII there (RFC 5280 §7).
  san: ({ alternativeNames: [first] }) => (/^[ -~]+$/.test(first?.text ?? '') ? first?.text : undefined),
};

function invalid(why: string | null, certificate: X509Certificate): Rejected {
  return rejected(
    'certificate',
    'Invalid client certificate',
    why,
    describeCertificate(certificate, why ?? ''),
  );
}

/** A certificate and why it is refused, for a log line. */
export function describeCertificate({ raw }: X509Certificate, why: string): string {
  const [subject, issuer] = shownNames(raw);
  const explained = EXPLANATIONS[why];
  return `client certificate "${subject}", issued by "${issuer}": ${why}${explained === undefined ? '' : `, ${explained}`}`;
}

/** Most characters of a subject or an issuer in a log line. */
const MAX_SHOWN = 300;

function shownNames(raw: Buffer): readonly [subject: string, issuer: string] {
  const shown = (text: string) => printable(text.slice(0, MAX_SHOWN));
  try {
    const { subject, issuer } = certificateNames(raw);
    return [shown(nameText(subject)), shown(nameText(issuer))];
  } catch {
    return ['(not readable)', '(not readable)'];
  }
}

const WRONG_SIGNATURE =
  'its signature does not fit the key of the authority of that name: was that authority renewed?';
const UNKNOWN_AUTHORITY = 'its authority is not in server.ssl_ca_certs';

/** What OpenSSL's codes mean for an operator. */
const EXPLANATIONS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not yet valid',
  CERT_SIGNATURE_FAILURE: WRONG_SIGNATURE,
  ERR_SSL_PROVIDER_SIGNATURE_FAILURE: WRONG_SIGNATURE,
  DEPTH_ZERO_SELF_SIGNED_CERT: 'no authority has signed it',
  INVALID_PURPOSE: 'it is not for clients',
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
};

/** OpenSSL's code, such as `UNABLE_TO_VERIFY_LEAF_SIGNATURE`. */
function reasonOf({ authorizationError }: TLSSocket): string | null {
  // Node's types say Error; the value is a string.
  const code: unknown = authorizationError;
  return typeof code === 'string' ? code : null;
}
