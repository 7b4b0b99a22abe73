/** The rules between the settings of `kafka.security.oauth`: what a token endpoint needs. */
import type { Settings } from '../schema/schema.ts';
import { jwtAlgorithmOf } from '../../support/pem.ts';
import { isLoopback } from '../schema/text-kinds.ts';
import { keyIn } from './key-file.ts';
import { when, type Rule } from './rule.ts';

type Oauth = Settings['kafka']['security']['oauth'];

const ENDPOINT = 'kafka.security.oauth.token_endpoint';
const GRANT = 'kafka.security.oauth.grant';
const AUTHENTICATION = 'kafka.security.oauth.client_authentication';
const CLIENT_ID = 'kafka.security.oauth.client_id';
const CLIENT_SECRET = 'kafka.security.oauth.client_secret';
const FILE = 'kafka.security.oauth.assertion.file';
const KEY_FILE = 'kafka.security.oauth.assertion.private_key_file';
const KEY_PASSWORD = 'kafka.security.oauth.assertion.private_key_password';

export const tokenEndpointRules: readonly Rule[] = [
  {
    about: [ENDPOINT, 'kafka.security.oauth.allow_http'],
    check: ({ kafka: { security } }) => {
      const { tokenEndpoint, allowHttp } = security.oauth;
      if (tokenEndpoint === undefined || allowHttp) return undefined;
      const { protocol, hostname } = new URL(tokenEndpoint);
      return when(
        protocol === 'http:' && !isLoopback(hostname),
        `'${tokenEndpoint}' where an https address (http only on this machine) was expected; kafka.security.oauth.allow_http lifts this limit`,
      );
    },
  },
  {
    about: [ENDPOINT, CLIENT_ID, GRANT, AUTHENTICATION],
    check: ({ kafka: { security } }) =>
      when(
        asks(security.oauth) && needsId(security.oauth) && security.oauth.clientId === undefined,
        `needs ${CLIENT_ID}, which is not set`,
      ),
  },
  {
    about: [ENDPOINT, CLIENT_SECRET, GRANT, AUTHENTICATION],
    check: ({ kafka: { security } }) =>
      when(
        asks(security.oauth) && needsSecret(security.oauth) && security.oauth.clientSecret === undefined,
        `needs ${CLIENT_SECRET}, which is not set`,
      ),
  },
  {
    about: [ENDPOINT, FILE, KEY_FILE, GRANT, AUTHENTICATION],
    check: ({ kafka: { security } }) => {
      const { assertion, grant } = security.oauth;
      const missing = assertion.file === undefined && assertion.privateKeyFile === undefined;
      const reason = grant === 'jwt_bearer' ? 'the grant jwt_bearer' : 'private_key_jwt';
      return when(
        asks(security.oauth) && usesAssertion(security.oauth) && missing,
        `needs ${FILE} or ${KEY_FILE} for ${reason}, and neither is set`,
      );
    },
  },
  useless(FILE, ({ assertion }) => assertion.file),
  useless(KEY_FILE, ({ assertion }) => assertion.privateKeyFile),
  {
    about: [FILE, KEY_FILE],
    check: ({ kafka: { security } }) => {
      const { file, privateKeyFile } = security.oauth.assertion;
      return when(
        file !== undefined && privateKeyFile !== undefined,
        `replaces ${KEY_FILE}; remove one of the two`,
      );
    },
  },
  {
    about: [KEY_FILE, KEY_PASSWORD],
    serving: true,
    check: ({ kafka: { security } }) => {
      const { privateKeyFile, privateKeyPassword } = security.oauth.assertion;
      if (privateKeyFile === undefined) return undefined;
      const key = keyIn(privateKeyFile, privateKeyPassword, KEY_PASSWORD);
      if (typeof key === 'string') return key;
      return when(
        jwtAlgorithmOf(key) === undefined,
        `no JWT can be signed with the private key in '${privateKeyFile}': RSA with 2048 bits or more, P-256, P-384, P-521 or Ed25519 was expected`,
      );
    },
  },
];

/** An assertion that is not sent is an error: the operator expects a protection that is not there. */
function useless(name: typeof FILE | typeof KEY_FILE, valueOf: (oauth: Oauth) => unknown): Rule {
  return {
    about: [name, GRANT, AUTHENTICATION],
    check: ({ kafka: { security } }) =>
      when(
        valueOf(security.oauth) !== undefined && !usesAssertion(security.oauth),
        `has no effect; set ${AUTHENTICATION} to private_key_jwt, or ${GRANT} to jwt_bearer`,
      ),
  };
}

function asks({ tokenEndpoint }: Oauth): boolean {
  return tokenEndpoint !== undefined;
}

function usesAssertion({ grant, clientAuthentication }: Oauth): boolean {
  return grant === 'jwt_bearer' || clientAuthentication === 'private_key_jwt';
}

/** An assertion from a file, and one with an issuer, say by themselves who asks. */
function needsId(oauth: Oauth): boolean {
  const { clientAuthentication, assertion } = oauth;
  if (clientAuthentication !== undefined && clientAuthentication !== 'none') return true;
  return !usesAssertion(oauth) || (assertion.privateKeyFile !== undefined && assertion.issuer === undefined);
}

function needsSecret(oauth: Oauth): boolean {
  const { clientAuthentication, assertion } = oauth;
  const hasAssertion = assertion.file !== undefined || assertion.privateKeyFile !== undefined;
  if (clientAuthentication === undefined) return !usesAssertion(oauth) && !hasAssertion;
  return clientAuthentication === 'client_secret_basic' || clientAuthentication === 'client_secret_post';
}
