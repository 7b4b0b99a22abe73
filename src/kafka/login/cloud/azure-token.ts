/**
 * The token for Azure Event Hubs from Microsoft Entra, by Azure's own library: a client secret or certificate, a workload identity or a
 * managed identity, in this order (its `DefaultAzureCredential`).
 */
import type * as IdentityPackage from '@azure/identity';
import type { IssuedToken } from '../token-source.ts';
import { hasFunction, loadLibrary, numberMember, textMember } from './library.ts';

type Identity = Pick<typeof IdentityPackage, 'DefaultAzureCredential'>;

/** By default the library retries for 25 s, and meanwhile its reason is not known. The proxy asks again by itself. */
const RETRIES = { maxRetries: 2, retryDelayInMs: 500 };

/** Loads the package. `scope` is `https://NAMESPACE.servicebus.windows.net/.default`. */
export function openAzure(scope: string): (now: number) => Promise<IssuedToken> {
  const { library } = loadLibrary('azure', isIdentity);
  const credential = new library.DefaultAzureCredential({ retryOptions: RETRIES });
  return async (now) => {
    const answer: unknown = await credential.getToken(scope);
    const token = textMember(answer, 'token');
    const end = numberMember(answer, 'expiresOnTimestamp');
    if (token === undefined || end === undefined) throw new Error('the token has another form than expected');
    return { token, lifetimeMs: Math.max(0, end - now) };
  };
}

function isIdentity(loaded: unknown): loaded is Identity {
  return hasFunction(loaded, 'DefaultAzureCredential');
}
