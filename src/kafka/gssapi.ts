/** The login with Kerberos (RFC 4752). */
import { AuthenticationError, type SASLCustomAuthenticator } from '@platformatic/kafka';
import type { SecuritySettings } from './security-settings.ts';

export type GssapiSettings = Pick<
  SecuritySettings,
  'principal' | 'password' | 'keytab' | 'realm' | 'serviceName' | 'refreshIntervalSeconds'
>;

/** One for all connections, which share the ticket. It is called for each login, and again for each re-authentication. */
export function createGssapiLogin({ principal }: GssapiSettings): SASLCustomAuthenticator {
  return (_mechanism, _connection, _authenticate, _user, _password, _token, callback) =>
    callback(new AuthenticationError(`GSSAPI is not in this build: ${principal ?? ''} cannot log in`));
}
