/** Finds the sender of a request. The Authorization header decides; without one, the certificate of the connection does. */
import type { Socket } from 'node:net';
import type { ClientCertificates } from './client-certificates.ts';
import { invalidToken, rejected, type Finding } from './sender.ts';
import type { Senders } from './senders.ts';
import type { TokenMemory } from './token-memory.ts';

/** The enabled ways to be recognised; undefined where one is disabled. */
export interface Ways {
  /** Called for each request: the senders file may change. */
  readonly senders: () => Senders;
  readonly personalTokens: TokenMemory | undefined;
  readonly oidc: TokenMemory | undefined;
  readonly certificates: ClientCertificates | undefined;
}

const PERSONAL_TOKEN = 'personal_token_';

/** RFC 7519 §3: three parts in base64url. Any other token without the prefix may be an API key. */
const JWT = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/** RFC 6750 §2.1. The scheme is case-insensitive (RFC 9110 §11.1). */
const BEARER = /^bearer +([\w.~+/-]+=*) *$/i;

const MISSING = rejected('missing', 'Missing Authorization header');
const MISSING_CERTIFICATE = rejected('missing', 'Missing client certificate');
const NO_BEARER = invalidToken('scheme', 'The Authorization header must be: Bearer, a space, the token');
const NOT_PERSONAL = invalidToken('kind', 'Access token was passed but PersonalToken was expected');
const NOT_A_JWT = invalidToken('kind', 'An access token that is a JWT was expected');
const DISABLED = rejected('disabled', 'Authentication using PersonalTokens is disabled');
const NO_TOKENS = invalidToken('disabled', 'Only client certificates are accepted');

export class Authenticator {
  readonly #ways: Ways;

  constructor(ways: Ways) {
    this.#ways = ways;
  }

  /**
   * The sender, by the Authorization header's text and by the connection. At once where the credential was seen before: a promise
   * would cost each event a hundredth more.
   */
  find(authorization: string | undefined, socket: Socket): Finding | Promise<Finding> {
    if (authorization !== undefined) return this.#findToken(authorization);
    const { certificates, personalTokens, oidc, senders } = this.#ways;
    const found = certificates?.find(socket);
    if (found) return found;
    const onlyCertificates = certificates && !personalTokens && !oidc && !senders().haveApiKeys;
    return onlyCertificates ? MISSING_CERTIFICATE : MISSING;
  }

  #findToken(authorization: string): Finding | Promise<Finding> {
    const { personalTokens, oidc, certificates, senders } = this.#ways;
    const token = BEARER.exec(authorization)?.[1];
    if (token === undefined) return NO_BEARER;
    if (token.startsWith(PERSONAL_TOKEN)) {
      return personalTokens?.find(token.slice(PERSONAL_TOKEN.length)) ?? DISABLED;
    }
    if (JWT.test(token)) {
      if (oidc) return oidc.find(token);
      if (personalTokens) return NOT_PERSONAL;
    }
    const known = senders();
    if (known.haveApiKeys) return known.findApiKey(token);
    if (personalTokens) return NOT_PERSONAL;
    if (oidc) return NOT_A_JWT;
    // An operator may have removed the last API key from the file: the key is then unknown, like any other.
    return certificates ? NO_TOKENS : known.findApiKey(token);
  }
}
