/** What a credential is found to be: that of a sender, or good for nothing. */
import { refusal, type Refusal } from '../errors.ts';

/** The ways to be recognised. */
export type Way = 'personal-token' | 'api-key' | 'oidc' | 'certificate';

/** Whoever sends events, as far as is known. */
export interface Sender {
  readonly way: Way;
  /** For people: `reported-by-user-name` of the record, the access log, the metrics. */
  readonly name: string;
}

/** A credential that has passed its check. */
export interface Recognised {
  readonly sender: Sender;
  /** Milliseconds since the epoch; from then on it has to be checked anew, or has expired. */
  readonly holdsUntil: number;
  readonly rejection?: undefined;
}

/** A credential that has not, or none. */
export interface Rejected {
  readonly sender?: undefined;
  readonly rejection: Rejection;
}

export type Finding = Recognised | Rejected;

/** The check of one kind of token. Never rejects: what goes wrong is a rejection, too. */
export type TokenCheck = (token: string) => Promise<Finding>;

/** What is said to the sender, and the reason under which it is counted. */
export interface Rejection {
  readonly reason: Reason;
  readonly refusal: Refusal;
}

/** Why nobody was recognised: the label of `http2kafka_authentication_failures_total`. */
export type Reason =
  | 'missing'
  | 'scheme'
  | 'kind'
  | 'disabled'
  | 'malformed'
  | 'signature'
  | 'algorithm'
  | 'expired'
  | 'not-yet-valid'
  | 'claims'
  | 'audience'
  | 'issuer'
  | 'revoked'
  | 'unknown-key'
  | 'certificate'
  | 'unavailable';

/** RFC 6750 §3: an answer 401 names the scheme that would do. */
const CHALLENGE = { 'www-authenticate': 'Bearer' };

/** A token that is not taken, in Data.Rentgen's words: the message is always the same, the details say why. */
export function invalidToken(reason: Reason, details: string | null): Rejected {
  return rejected(reason, 'Invalid token', details);
}

/** Nobody is recognised: 401. */
export function rejected(reason: Reason, message: string, details: string | null = null): Rejected {
  return { rejection: { reason, refusal: refusal('unauthorized', message, details, CHALLENGE) } };
}

/** It cannot be told now whether a credential is good: 503, to be tried again. `message` names no address. */
export function undecided(message: string): Rejected {
  return { rejection: { reason: 'unavailable', refusal: refusal('unavailable', message) } };
}
