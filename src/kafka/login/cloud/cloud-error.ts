/** What the errors of the clouds' libraries mean for an operator. */
import { errorCode, errorText } from '../../../support/error-text.ts';
import { BrokerError, causesOf, certificateProblem } from '../../broker-error.ts';
import { CloudLibraryError, memberOf, type CloudProvider } from './library.ts';

/** The setting that an error names. */
export const SETTING = 'kafka.security.oauth.cloud';

export const CLOUDS: Readonly<Record<CloudProvider, string>> = {
  aws: 'AWS',
  azure: 'Azure',
  google: 'Google',
};

/** Names of the errors of AWS' and Azure's libraries, and Google's message: none of the places has credentials. */
const NO_CREDENTIALS =
  /^(?:CredentialsProviderError|CredentialUnavailableError|AggregateAuthenticationError)$|^Could not load the default credentials/;

/** Node's codes, the names of errors without one, and a word in the messages of Azure's library. */
const NO_ANSWER =
  /^(?:ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EPIPE|TimeoutError|REQUEST_SEND_ERROR)$|\b(?:network_error|endpoints_resolution_error)\b/;

/** The library's message for the log. It never contains a token. */
export function cloudError(error: unknown, provider: CloudProvider): BrokerError {
  const cloud = CLOUDS[provider];
  const nested = [...allOf(error)];
  const detail = `${cloud}: ${nested.map(errorText).map(withoutTokens).join(': ').slice(0, 500)}`;
  for (const one of nested) {
    const certificate = certificateProblem(
      errorCode(one) ?? '',
      `a service of ${cloud}`,
      'the environment variable NODE_EXTRA_CA_CERTS',
    );
    if (certificate !== undefined) return new BrokerError(detail, certificate, true);
  }
  return new BrokerError(detail, `${problemOf(nested, cloud)} (${SETTING})`, true);
}

function problemOf(nested: readonly unknown[], cloud: string): string {
  const unusable = nested.find((one) => one instanceof CloudLibraryError);
  if (unusable) return unusable.message;
  const refusal = nested.map(refusalOf).find((one) => one !== undefined);
  // Codes such as `AccessDenied`, `AADSTS7000215`, `invalid_grant`: other characters may be those of a message.
  if (refusal !== undefined)
    return `${cloud} gives no token: ${refusal.replace(/[^\w .-]/g, '').slice(0, 60)}`;
  const words = nested.flatMap((one) => [nameOf(one), errorCode(one) ?? '', errorText(one)]);
  if (words.some((word) => NO_CREDENTIALS.test(word))) {
    return `the library of ${cloud} finds no credentials on this machine`;
  }
  if (words.some((word) => NO_ANSWER.test(word))) {
    return `the service of ${cloud} that gives credentials does not answer`;
  }
  return `the library of ${cloud} gives no token: the log has its message`;
}

/** The code by which a service refuses; undefined where none has answered. */
function refusalOf(one: unknown): string | undefined {
  if (!(one instanceof Error)) return undefined;
  // AWS: the code is the name of the error.
  if ('$fault' in one) return one.name;
  // Azure: the code of Entra is in the message.
  const entra = /AADSTS\d+/.exec(one.message)?.[0];
  if (entra !== undefined) return entra;
  // Google: the answer, as in RFC 6749, 5.2.
  const response: unknown = 'response' in one ? one.response : undefined;
  const data = memberOf(response, 'data');
  const code = memberOf(data, 'error');
  if (typeof code === 'string') return code;
  const status = memberOf(code, 'status') ?? memberOf(response, 'status');
  return typeof status === 'string' || typeof status === 'number' ? `status ${status}` : undefined;
}

/** The error, its causes, and the errors that Azure's chain has gathered. */
function* allOf(error: unknown): Generator {
  for (const one of causesOf(error)) {
    yield one;
    const errors = one instanceof AggregateError ? undefined : memberOf(one, 'errors');
    if (Array.isArray(errors)) for (const inner of errors) yield* allOf(inner);
  }
}

function nameOf(one: unknown): string {
  return one instanceof Error ? one.name : '';
}

/** A message may repeat an assertion or a signed address. */
function withoutTokens(text: string): string {
  return text
    .replace(/eyJ[\w.~+/=-]+/g, '*****')
    .replace(/(https?:\/\/[^\s?]+)\?\S+/g, '$1?*****')
    .replace(/\s+/g, ' ');
}
