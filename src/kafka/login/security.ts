/** From the settings of security to what a connection to a broker takes: TLS, and a login (SASL). */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { ConnectionOptions, SASLCustomAuthenticator, SASLOptions } from '@platformatic/kafka';
import { BrokerError, type SecurityFacts } from '../broker-error.ts';
import { LoginPauses } from './login-pauses.ts';
import { OauthToken } from './oauth-token.ts';
import { bounded, plainLogin, scramLogin, tokenLogin } from './sasl-login.ts';
import type { SecuritySettings, TlsSettings } from './security-settings.ts';

/** What a connection gets besides its time limits. */
export type SecurityOptions = Pick<ConnectionOptions, 'tls' | 'tlsServerName' | 'sasl'>;

export class Security {
  readonly #settings: SecuritySettings;
  /** One for all connections: they share a token or a ticket. */
  readonly #sasl: SASLOptions | undefined;
  /** For all connections, too: what one was refused, another need not try. */
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
   * What a new connection to this host gets. The files of TLS are read anew, so that certificates may be renewed while the
   * proxy runs. Throws a `BrokerError` when they cannot be read or used.
   */
  optionsFor(host: string): SecurityOptions {
    const { tls } = this.#settings;
    return {
      ...(this.#sasl && { sasl: this.#sasl }),
      // RFC 6066, 3: an IP address is no server name. It is held against the certificate in any case.
      ...(tls.enabled && { tls: { secureContext: secureContext(tls) }, tlsServerName: isIP(host) === 0 }),
    };
  }
}

/** Time enough to have a certificate renewed. */
const SOON_MS = 14 * 86_400_000;

/** What an operator should know of the login at the start, a line each. */
export function securityWarnings({ type, user, password, tls }: SecuritySettings): readonly string[] {
  const warnings: string[] = [];
  const isBare = type === 'PLAIN' || type === 'OAUTHBEARER';
  if (isBare && !tls.enabled) {
    warnings.push(
      `THE ${type === 'PLAIN' ? 'PASSWORD' : 'TOKEN'} FOR KAFKA GOES OVER THE NETWORK AS IT IS: kafka.security.type is ${type}, without kafka.security.tls.enabled`,
    );
  }
  if (type === 'none' && (user !== undefined || password !== undefined)) {
    warnings.push(
      'the proxy does not log in to Kafka, although kafka.security has a user or a password: kafka.security.type is none',
    );
  }
  const end = certificateEnd(tls);
  if (end && end.getTime() - Date.now() < SOON_MS) {
    const verb = end.getTime() < Date.now() ? 'has expired' : 'expires';
    warnings.push(`the certificate of kafka.security.tls.cert_file ${verb} on ${end.toISOString()}`);
  }
  return warnings;
}

function secureContext({ caFile, certFile, keyFile, keyPassword }: TlsSettings): SecureContext {
  try {
    return createSecureContext({
      ...(caFile !== undefined && { ca: readFileSync(caFile) }),
      ...(certFile !== undefined && { cert: readFileSync(certFile) }),
      ...(keyFile !== undefined && { key: readFileSync(keyFile) }),
      ...(keyPassword !== undefined && { passphrase: keyPassword }),
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new BrokerError(reason, 'a file of kafka.security.tls cannot be used: the log says which');
  }
}

function certificateEnd({ certFile }: TlsSettings): Date | undefined {
  if (certFile === undefined) return undefined;
  try {
    return new X509Certificate(readFileSync(certFile)).validToDate;
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
