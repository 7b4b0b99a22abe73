/** From the settings of security to what a connection to a broker takes: TLS, and a login (SASL). */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import {
  AuthenticationError,
  SASLMechanisms,
  type CallbackWithPromise,
  type ConnectionOptions,
  type SASLOptions,
} from '@platformatic/kafka';
import { createGssapiLogin } from './gssapi.ts';
import { OauthToken } from './oauth-token.ts';
import type { SecuritySettings, TlsSettings } from './security-settings.ts';

/** What a connection gets besides its time limits. */
export type SecurityOptions = Pick<ConnectionOptions, 'tls' | 'tlsServerName' | 'sasl'>;

export class Security {
  readonly #settings: SecuritySettings;
  /** One for all connections: they share a token or a ticket. */
  readonly #sasl: SASLOptions | undefined;

  constructor(settings: SecuritySettings) {
    this.#settings = settings;
    this.#sasl = loginOf(settings);
  }

  /**
   * What a new connection to this host gets. The files of TLS are read anew, so that certificates may be renewed while the
   * proxy runs. Throws, naming the file, when one cannot be read.
   */
  optionsFor(host: string): SecurityOptions {
    const { tls } = this.#settings;
    return {
      ...(this.#sasl && { sasl: this.#sasl }),
      // RFC 6066, 3: an IP address is no server name. It is held against the certificate in any case.
      ...(tls.enabled && { tls: tlsOptions(tls), tlsServerName: isIP(host) === 0 }),
    };
  }
}

function tlsOptions({ caFile, certFile, keyFile, keyPassword }: TlsSettings): TlsOptions {
  return {
    ...(caFile !== undefined && { ca: readFileSync(caFile) }),
    ...(certFile !== undefined && { cert: readFileSync(certFile) }),
    ...(keyFile !== undefined && { key: readFileSync(keyFile) }),
    ...(keyPassword !== undefined && { passphrase: keyPassword }),
  };
}

function loginOf(settings: SecuritySettings): SASLOptions | undefined {
  const { type, user: username = '', password = '' } = settings;
  switch (type) {
    case 'none':
      return undefined;
    case 'PLAIN':
    case 'SCRAM-SHA-256':
    case 'SCRAM-SHA-512':
      return { mechanism: type, username, password };
    case 'OAUTHBEARER': {
      const token = new OauthToken(settings.oauth);
      return {
        mechanism: type,
        token: () => token.current(),
        oauthBearerExtensions: Object.fromEntries(settings.oauth.extensions.map(nameAndValue)),
        authBytesValidator: refuseErrorAnswer,
      };
    }
    case 'GSSAPI':
      return { mechanism: SASLMechanisms.GSSAPI, authenticate: createGssapiLogin(settings) };
  }
}

function nameAndValue(extension: string): readonly [string, string] {
  const equals = extension.indexOf('=');
  return [extension.slice(0, equals), extension.slice(equals + 1)];
}

/**
 * RFC 7628, 3.2.2: a broker says no to a token in a challenge, as JSON, without an error code; yes has no bytes. The library's
 * own validator calls back twice on no.
 */
function refuseErrorAnswer(bytes: Buffer, callback: CallbackWithPromise<Buffer>): void {
  if (bytes.length === 0) callback(null, bytes);
  else callback(new AuthenticationError('the broker does not accept the token'));
}
