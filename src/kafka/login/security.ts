/** What a connection to a broker needs, from the settings `kafka.security`: TLS, a login (SASL), and pauses after a refused login. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { ConnectionOptions, SASLCustomAuthenticator, SASLOptions } from '@platformatic/kafka';
import { backoff } from '../../support/backoff.ts';
import { errorText } from '../../support/error-text.ts';
import { certificatesIn } from '../../support/pem.ts';
import { clientContext, PemFile, TlsFileError } from '../../support/pem-file.ts';
import { BrokerError, type SecurityFacts } from '../broker-error.ts';
import { OauthToken, type OauthSettings } from './oauth-token.ts';
import { bounded, plainLogin, scramLogin, tokenLogin } from './sasl-login.ts';

/** Of the settings `kafka.security`, what this folder reads. */
export interface SecuritySettings {
  readonly type: 'none' | 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'OAUTHBEARER' | 'GSSAPI';
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly oauth: OauthSettings & {
    /** `name=value`, as in RFC 7628, 3.1. */
    readonly extensions: readonly string[];
  };
  readonly tls: TlsSettings;
}

/** Files are paths of PEM files. */
interface TlsSettings {
  readonly enabled: boolean;
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly keyPassword: string | undefined;
}

/** What a connection gets besides its time limits. */
export type SecurityOptions = Pick<ConnectionOptions, 'tls' | 'tlsServerName' | 'sasl'>;

/** Milliseconds until a broker that has refused a login is asked again, at first and at most: doubled with each refusal. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 10_000;

/** Milliseconds before a certificate ends from which the log says so: enough time to renew it. */
const SOON_MS = 14 * 86_400_000;

export class Security {
  readonly #settings: SecuritySettings;
  /** One login for all connections: they share a token or a ticket. */
  readonly #sasl: SASLOptions | undefined;
  /** Shared as well: a login that one connection was refused, another connection need not try. */
  readonly pauses = new LoginPauses();

  /** `gssapi` is the login for `GSSAPI` (gssapi.ts). */
  constructor(settings: SecuritySettings, gssapi?: SASLCustomAuthenticator) {
    this.#settings = settings;
    this.#sasl = loginOf(settings, gssapi);
  }

  get facts(): SecurityFacts {
    const { type, tls } = this.#settings;
    return { type, certificateEnds: certificateEnd(tls) };
  }

  /**
   * What a new connection to this host gets. The TLS files are read each time, so that certificates can be renewed while the
   * proxy runs.
   * @throws {BrokerError} when they cannot be read or used.
   */
  optionsFor(host: string): SecurityOptions {
    const { tls } = this.#settings;
    return {
      ...(this.#sasl && { sasl: this.#sasl }),
      // RFC 6066, 3: an IP address is no server name. The certificate is checked against the host in any case.
      ...(tls.enabled && { tls: { secureContext: secureContext(tls) }, tlsServerName: isIP(host) === 0 }),
    };
  }
}

interface Refusal {
  readonly error: unknown;
  /** Refusals in a row. */
  readonly count: number;
  /** Of `performance.now()`. */
  readonly until: number;
}

/**
 * Keeps the proxy from repeating a refused login at once: directories lock an account after some wrong passwords. By broker, so that
 * one misconfigured broker does not stop attempts at the others.
 */
export class LoginPauses {
  readonly #refusals = new Map<string, Refusal>();

  /** Throws the error of the broker's last refusal, until its pause is over. */
  check(broker: string): void {
    const refusal = this.#refusals.get(broker);
    if (refusal && performance.now() < refusal.until) throw refusal.error;
  }

  refused(broker: string, error: unknown): void {
    const count = (this.#refusals.get(broker)?.count ?? 0) + 1;
    const until = performance.now() + backoff(count, FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
    this.#refusals.set(broker, { error, count, until });
  }

  accepted(broker: string): void {
    this.#refusals.delete(broker);
  }
}

/** What an operator should know about the login at the start, one line each. */
export function securityWarnings({ type, user, password, oauth, tls }: SecuritySettings): readonly string[] {
  const warnings: string[] = [];
  const isReadable = type === 'PLAIN' || type === 'OAUTHBEARER';
  if (isReadable && !tls.enabled) {
    warnings.push(
      `THE ${type === 'PLAIN' ? 'PASSWORD' : 'TOKEN'} FOR KAFKA IS SENT WITHOUT ENCRYPTION: kafka.security.type is ${type}, without kafka.security.tls.enabled`,
    );
  }
  const hasPassword = user !== undefined || password !== undefined;
  const hasToken = oauth.tokenEndpoint !== undefined || oauth.tokenFile !== undefined;
  if (type === 'none' && (hasPassword || hasToken)) {
    const what = hasPassword ? 'a user or a password' : 'a source of tokens';
    warnings.push(
      `the proxy does not log in to Kafka, although kafka.security has ${what}: kafka.security.type is none`,
    );
  }
  const end = certificateEnd(tls);
  if (end && end.getTime() - Date.now() < SOON_MS) {
    const verb = end.getTime() < Date.now() ? 'has expired' : 'expires';
    warnings.push(`the certificate of kafka.security.tls.cert_file ${verb} on ${end.toISOString()}`);
  }
  return warnings;
}

/**
 * Reads the files of `kafka.security.tls`.
 * @throws {TlsFileError} which names the file and its setting.
 */
export function readKafkaTls({ caFile, certFile, keyFile, keyPassword }: TlsSettings): SecureContext {
  const file = (path: string | undefined, name: string) =>
    path === undefined ? undefined : new PemFile(path, `kafka.security.tls.${name}`);
  return clientContext({
    ca: file(caFile, 'ca_file'),
    cert: file(certFile, 'cert_file'),
    key: file(keyFile, 'key_file'),
    password: keyPassword,
    passwordSetting: 'kafka.security.tls.key_password',
  });
}

function secureContext(tls: TlsSettings): SecureContext {
  try {
    return readKafkaTls(tls);
  } catch (error) {
    const setting = error instanceof TlsFileError ? error.setting : undefined;
    const problem =
      setting === undefined
        ? 'the files of kafka.security.tls do not belong together: the log names them'
        : `the file of ${setting} cannot be used: the log says why`;
    throw new BrokerError(errorText(error), problem);
  }
}

/** When the proxy's own certificate ends, the first of its file; undefined where the file has none. */
function certificateEnd({ certFile }: TlsSettings): Date | undefined {
  if (certFile === undefined) return undefined;
  try {
    return certificatesIn(readFileSync(certFile, 'latin1'))[0]?.validToDate;
  } catch {
    return undefined;
  }
}

function loginOf(settings: SecuritySettings, gssapi?: SASLCustomAuthenticator): SASLOptions | undefined {
  const { type: mechanism } = settings;
  if (mechanism === 'none') return undefined;
  const authenticate = authenticatorOf(settings, gssapi);
  return { mechanism, ...(authenticate && { authenticate: bounded(authenticate) }) };
}

function authenticatorOf(
  { type, user = '', password = '', oauth }: SecuritySettings,
  gssapi: SASLCustomAuthenticator | undefined,
): SASLCustomAuthenticator | undefined {
  switch (type) {
    case 'none':
      return undefined;
    case 'PLAIN':
      return plainLogin(user, password);
    case 'SCRAM-SHA-256':
      return scramLogin('SHA-256', user, password);
    case 'SCRAM-SHA-512':
      return scramLogin('SHA-512', user, password);
    case 'OAUTHBEARER':
      return tokenLogin(new OauthToken(oauth), Object.fromEntries(oauth.extensions.map(nameAndValue)));
    case 'GSSAPI':
      return gssapi;
  }
}

function nameAndValue(extension: string): readonly [string, string] {
  const equals = extension.indexOf('=');
  return [extension.slice(0, equals), extension.slice(equals + 1)];
}
