/** Explains in words why the proxy cannot talk to a broker: what is wrong, and which setting is concerned. */
import { AuthenticationError } from '@platformatic/kafka';
import { explained, reasonOf } from './error-code.ts';

/** What is known of the connection to the brokers. It serves to say what may be wrong with it. */
export interface SecurityFacts {
  /** The SASL mechanism, or `none`. */
  readonly type: string;
  /** When the certificate that the proxy shows expires; undefined if the proxy has none. */
  readonly certificateEnds: Date | undefined;
}

/**
 * Why the proxy cannot talk to a broker. Its message is for the log: it may name addresses. It never contains a
 * secret.
 */
export class BrokerError extends Error {
  /** The problem in words for an operator, without addresses; undefined if only the missing answer is known. */
  readonly problem: string | undefined;
  /** The broker refused the login, or the proxy could not make one. An immediate retry does not help. */
  readonly login: boolean;

  constructor(message: string, problem?: string, login = false) {
    super(message);
    this.problem = problem;
    this.login = login;
  }
}

/** Turns an error of the library or of TLS into a broker error. `isFirst`: no broker has ever answered. */
export function brokerErrorOf(error: unknown, facts: SecurityFacts, isFirst: boolean): BrokerError {
  const nested = [...causesOf(error)];
  const known = nested.find((one) => one instanceof BrokerError);
  if (known) return known;
  const reason = reasonOf(error);
  for (const one of nested) {
    const id = textOf(one, 'apiId');
    const code = textOf(one, 'code');
    const login = id === undefined ? undefined : loginProblem(id, facts.type, nested);
    if (login !== undefined) return new BrokerError(reason, login, id === 'SASL_AUTHENTICATION_FAILED');
    const tls = code === undefined ? undefined : tlsProblem(code, facts);
    if (tls !== undefined) return new BrokerError(`${reason} (${code ?? ''})`, tls);
    const talk = one instanceof Error ? talkProblem(one.message) : undefined;
    if (talk !== undefined) return new BrokerError(reason, talk);
  }
  if (nested.some((one) => one instanceof AuthenticationError) && !isClosed(nested)) {
    return new BrokerError(reason, `the login to Kafka fails: ${reason}`, true);
  }
  return new BrokerError(reason, isFirst && isClosed(nested) ? silenceProblem(facts.type) : undefined);
}

/** Explains a TLS error code about the certificate of a broker or a token endpoint; undefined for any other code. */
export function certificateProblem(code: string, owner: string, caSetting: string): string | undefined {
  if (UNKNOWN_AUTHORITY.includes(code)) {
    return `the certificate of ${owner} comes from an authority that is not known (${caSetting})`;
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `the certificate of ${owner} is for another host name`;
  if (code === 'CERT_HAS_EXPIRED') return `the certificate of ${owner} has expired`;
  if (code === 'CERT_NOT_YET_VALID') return `the certificate of ${owner} is not valid yet`;
  return undefined;
}

/** The error itself and all its causes, from the outermost to the innermost. */
export function* causesOf(error: unknown): Generator {
  if (error === undefined) return;
  yield error;
  if (error instanceof AggregateError) for (const one of error.errors) yield* causesOf(one);
  if (error instanceof Error) yield* causesOf(error.cause);
}

/** A property of an error, if it is text; undefined otherwise. */
export function textOf(error: unknown, name: 'apiId' | 'code'): string | undefined {
  const value: unknown = error instanceof Error ? Reflect.get(error, name) : undefined;
  return typeof value === 'string' ? value : undefined;
}

const UNKNOWN_AUTHORITY = [
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
];

const CREDENTIALS: Readonly<Record<string, string>> = {
  OAUTHBEARER: 'it does not accept the token (kafka.security.oauth)',
  GSSAPI: 'it does not accept the Kerberos ticket (kafka.security.principal)',
};

function loginProblem(id: string, type: string, nested: readonly unknown[]): string | undefined {
  switch (id) {
    case 'SASL_AUTHENTICATION_FAILED':
      return `Kafka refuses the login: ${CREDENTIALS[type] ?? 'user or password is wrong (kafka.security.user, kafka.security.password)'}`;
    case 'UNSUPPORTED_SASL_MECHANISM':
      return `Kafka does not offer ${type} on this port${offered(nested)} (kafka.security.type)`;
    case 'ILLEGAL_SASL_STATE':
      return 'Kafka wants no login on this port (kafka.security.type, or another port in kafka.bootstrap_servers)';
    default: {
      const words = explained(id);
      return words === id ? undefined : words;
    }
  }
}

/** The mechanisms that the broker offers instead of the one that it does not support. */
function offered(nested: readonly unknown[]): string {
  for (const one of nested) {
    const answer: unknown = one instanceof Error && 'response' in one ? one.response : undefined;
    if (typeof answer !== 'object' || answer === null || !('mechanisms' in answer)) continue;
    const { mechanisms } = answer;
    if (Array.isArray(mechanisms) && mechanisms.length > 0) return `, but ${mechanisms.join(' and ')}`;
  }
  return '';
}

function tlsProblem(code: string, { certificateEnds }: SecurityFacts): string | undefined {
  const certificate = certificateProblem(code, 'the broker', 'kafka.security.tls.ca_file');
  if (certificate !== undefined) return certificate;
  if (!/^ERR_SSL_|^EPROTO$/.test(code)) return undefined;
  // RFC 8446, 6.2: alerts about the other side's certificate. With TLS 1.3 they arrive after the handshake.
  if (!/ALERT_(?:\w+_)?(?:CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/.test(code)) {
    return `the encryption with Kafka fails: ${code} (kafka.security.tls)`;
  }
  if (certificateEnds === undefined) {
    return 'Kafka wants to see a certificate (kafka.security.tls.cert_file, kafka.security.tls.key_file)';
  }
  return certificateEnds.getTime() < Date.now()
    ? 'the certificate that the proxy shows to Kafka has expired (kafka.security.tls.cert_file)'
    : 'Kafka does not accept the certificate of the proxy (kafka.security.tls.cert_file)';
}

/** Recognises the messages of the library for errors that have no code. */
function talkProblem(message: string): string | undefined {
  if (message === 'Broker requires TLS.') return 'Kafka speaks TLS on this port (kafka.security.tls.enabled)';
  if (message.startsWith('TLS handshake failed.')) {
    return 'Kafka does not speak TLS on this port (kafka.security.tls.enabled, or another port in kafka.bootstrap_servers)';
  }
  if (message === 'Invalid server signature.') {
    return 'the broker cannot prove that it knows the password: it may not be the one it seems to be';
  }
  return undefined;
}

/** A listener that expects another protocol or a login closes the connection without an answer. */
function silenceProblem(type: string): string {
  return type === 'none'
    ? 'Kafka closes the connection without an answer: it may want a login (kafka.security.type)'
    : 'Kafka closes the connection before the login: it may want TLS (kafka.security.tls.enabled)';
}

function isClosed(nested: readonly unknown[]): boolean {
  const last = nested.at(-1);
  return last instanceof Error && last.message === 'Connection closed';
}
