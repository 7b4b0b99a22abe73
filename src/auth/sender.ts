/** The result of checking a credential: a sender, or a rejection. */
import { refusal, type Refusal } from '../errors.ts';

/** How a sender was recognised. */
export type Way = 'personal-token' | 'api-key' | 'oidc' | 'certificate';

/** A client that sends events. */
export interface Sender {
  readonly way: Way;
  /** For people: `reported-by-user-name` of the record, the access log, the metrics. */
  readonly name: string;
}

/** A credential that has passed its check. */
export interface Recognised {
  readonly sender: Sender;
  /** When the credential expires by itself, in milliseconds since the epoch. */
  readonly holdsUntil: number;
  /** Milliseconds from now after which it must be checked again; undefined while only `holdsUntil` ends it. */
  readonly holdsForMs?: number | undefined;
  readonly rejection?: undefined;
}

/** A credential that has failed its check, or a request without one. */
export interface Rejected {
  readonly sender?: undefined;
  readonly rejection: Rejection;
}

export type Finding = Recognised | Rejected;

/** The check of one kind of token. The promise never rejects: a failure is a `Rejected`, too. */
export type TokenCheck = (token: string) => Promise<Finding>;

/** The answer to the sender, and the reason under which it is counted. */
export interface Rejection {
  readonly reason: Reason;
  readonly refusal: Refusal;
  /** For the log only. */
  readonly detail?: string | undefined;
}

/** Why no sender was recognised: the values of the label of `http2kafka_authentication_failures_total`. */
export const reasons = [
  'missing',
  'scheme',
  'kind',
  'disabled',
  'malformed',
  'signature',
  'algorithm',
  'expired',
  'not-yet-valid',
  'claims',
  'audience',
  'issuer',
  'revoked',
  'unknown-key',
  'certificate',
  'unavailable',
] as const;

/** One of the reasons. */
export type Reason = (typeof reasons)[number];

/** RFC 6750 §3: an answer 401 names the scheme to use. */
const CHALLENGE = { 'www-authenticate': 'Bearer' };

/** 401 for a token, in Data.Rentgen's words: the message is always the same, and the details say why. */
export function invalidToken(reason: Reason, details: string | null): Rejected {
  return rejected(reason, 'Invalid token', details);
}

/** 401: no sender was recognised. `detail` is for the log. */
export function rejected(
  reason: Reason,
  message: string,
  details: string | null = null,
  detail?: string,
): Rejected {
  return { rejection: { reason, refusal: refusal('unauthorized', message, details, CHALLENGE), detail } };
}

/** 503: the proxy cannot check the credential now; the client tries again. `message` names no address. */
export function undecided(message: string): Rejected {
  return { rejection: { reason: 'unavailable', refusal: refusal('unavailable', message) } };
}
