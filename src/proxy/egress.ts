import { readEnvironment } from '../config/sources/environment.ts';
import { EgressProxies } from '../support/egress-proxy.ts';
import { errorText } from '../support/error-text.ts';
import { StartError } from './start-error.ts';

/**
 * The HTTP proxies of the environment, for requests to OpenID providers and token endpoints.
 * @throws {StartError} when a variable is not the address of an HTTP proxy.
 */
export function egressProxies(): EgressProxies {
  try {
    return new EgressProxies(readEnvironment());
  } catch (error) {
    throw new StartError(errorText(error), { cause: error });
  }
}
