/**
 * The token for Amazon MSK with IAM: an address that is signed (Signature Version 4), by AWS' own package. The credentials are found by
 * the default chain of AWS' SDK.
 */
import type * as SignerPackage from 'aws-msk-iam-sasl-signer-js';
import type { IssuedToken } from '../token-source.ts';
import { hasFunction, loadLibrary, numberMember, textMember } from './library.ts';

type Signer = Pick<typeof SignerPackage, 'generateAuthTokenFromCredentialsProvider'>;

interface CredentialProviders {
  readonly fromNodeProviderChain: (options: object) => () => Promise<unknown>;
}

/** The name of the session where a role is assumed. It is seen in CloudTrail. */
const SESSION_NAME = 'http2kafka';

/** As in AWS' package. */
const RETRIES = 3;

/** Otherwise the SDK writes its warnings to the console, between the lines of the log. */
const SILENT = { debug: ignored, info: ignored, warn: ignored, error: ignored };

/** Loads the packages. `region` is that of the brokers. */
export function openAws(region: string): (now: number) => Promise<IssuedToken> {
  const { library: signer, load } = loadLibrary('aws', isSigner);
  const providers: unknown = load('@aws-sdk/credential-providers');
  if (!isProviders(providers))
    throw new Error('@aws-sdk/credential-providers has another form than expected');
  const chain = providers.fromNodeProviderChain({
    maxRetries: RETRIES,
    roleSessionName: SESSION_NAME,
    clientConfig: { region },
    logger: SILENT,
  });
  return async (now) => {
    const found = await chain();
    const accessKeyId = textMember(found, 'accessKeyId');
    const secretAccessKey = textMember(found, 'secretAccessKey');
    const sessionToken = textMember(found, 'sessionToken');
    if (accessKeyId === undefined || secretAccessKey === undefined) {
      throw new Error('the credentials have another form than expected');
    }
    // Without their end: the package would make the rest of their life that of the token, with a fraction of a second, and the
    // signature allows whole seconds only. A token of expired credentials is refused in any case.
    const credentials = { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
    const signed: unknown = await signer.generateAuthTokenFromCredentialsProvider({
      region,
      awsCredentialsProvider: () => Promise.resolve(credentials),
    });
    const token = textMember(signed, 'token');
    const expiryTime = numberMember(signed, 'expiryTime');
    if (token === undefined || expiryTime === undefined) {
      throw new Error('the signed token has another form than expected');
    }
    return { token, lifetimeMs: Math.max(0, Math.min(expiryTime, endOf(found)) - now) };
  };
}

/** When the credentials expire, in milliseconds since the epoch. Those of a user do not. */
function endOf(credentials: unknown): number {
  const isTemporary = typeof credentials === 'object' && credentials !== null && 'expiration' in credentials;
  return isTemporary && credentials.expiration instanceof Date
    ? credentials.expiration.getTime()
    : Number.POSITIVE_INFINITY;
}

function isSigner(loaded: unknown): loaded is Signer {
  return hasFunction(loaded, 'generateAuthTokenFromCredentialsProvider');
}

function isProviders(loaded: unknown): loaded is CredentialProviders {
  return hasFunction(loaded, 'fromNodeProviderChain');
}

function ignored(): void {
  // Nothing is written.
}
