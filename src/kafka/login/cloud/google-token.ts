/**
 * The token for Google Cloud's Managed Service for Apache Kafka: an access token of Google, wrapped as if it were a JWT. The form is
 * that of Google's own `GcpLoginCallbackHandler`. The credentials are found by Google's library (Application Default Credentials).
 */
import type * as AuthPackage from 'google-auth-library';
import { BrokerError } from '../../broker-error.ts';
import type { IssuedToken } from '../token-source.ts';
import { hasFunction, loadLibrary, numberMember, textMember } from './library.ts';

type GoogleLibrary = Pick<typeof AuthPackage, 'GoogleAuth' | 'gcpMetadata'>;

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';

const HEADER = { typ: 'JWT', alg: 'GOOG_OAUTH2_TOKEN' };

const NO_ACCOUNT = 'the credentials of Google name no account (kafka.security.oauth.cloud.account)';

/** Loads the package. `account` is the e-mail address of the account, where the credentials do not name it. */
export function openGoogle(account: string | undefined): (now: number) => Promise<IssuedToken> {
  const { library } = loadLibrary('google', isGoogleLibrary);
  // The library remembers in the whole process that there was no metadata service. It may have started later than the proxy.
  library.gcpMetadata.resetIsAvailableCache();
  // Without a project the library searches one, for seconds where there is no metadata service. A token needs none.
  const auth = new library.GoogleAuth({ scopes: [SCOPE], projectId: 'none' });
  return async (now) => {
    const client = await auth.getClient();
    const accessToken = textMember(await client.getAccessToken(), 'token');
    if (accessToken === undefined) throw new Error('the access token has another form than expected');
    const subject = account ?? textMember(await auth.getCredentials(), 'client_email');
    if (subject === undefined) throw new BrokerError(NO_ACCOUNT, NO_ACCOUNT, true);
    const end = numberMember(client.credentials, 'expiry_date') ?? now;
    const claims = {
      ...{ exp: Math.floor(end / 1000), iat: Math.floor(now / 1000) },
      ...{ iss: 'Google', scope: 'kafka', sub: subject },
    };
    const token = [JSON.stringify(HEADER), JSON.stringify(claims), accessToken].map(encoded).join('.');
    return { token, lifetimeMs: Math.max(0, end - now) };
  };
}

function encoded(part: string): string {
  return Buffer.from(part).toString('base64url');
}

function isGoogleLibrary(loaded: unknown): loaded is GoogleLibrary {
  return (
    hasFunction(loaded, 'GoogleAuth') &&
    'gcpMetadata' in loaded &&
    hasFunction(loaded.gcpMetadata, 'resetIsAvailableCache')
  );
}
