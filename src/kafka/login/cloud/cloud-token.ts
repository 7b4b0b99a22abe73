/**
 * The token for OAUTHBEARER from the library of a cloud. Each library finds the credentials by itself, as its own documentation says:
 * in environment variables and files, and at the services of the machine or the container. The libraries are optional packages, loaded
 * with the first token.
 */
import { withinTime } from '../../../support/time-limit.ts';
import { BrokerError } from '../../broker-error.ts';
import type { IssuedToken, TokenSource } from '../token-source.ts';
import { openAws } from './aws-token.ts';
import { openAzure } from './azure-token.ts';
import { cloudError, CLOUDS, SETTING } from './cloud-error.ts';
import { openGoogle } from './google-token.ts';
import type { CloudProvider } from './library.ts';

export interface CloudSettings {
  readonly provider: CloudProvider | undefined;
  /** AWS: the region of the brokers. */
  readonly region: string | undefined;
  /** Google: the e-mail address of the account, where the credentials do not name it. */
  readonly account: string | undefined;
}

/** The settings of one cloud. Its scope is Azure's only. */
interface OneCloud extends CloudSettings {
  readonly provider: CloudProvider;
  readonly scope: string | undefined;
}

/** Milliseconds for a token. The libraries retry, and some of their requests have no limit. */
const LIMIT_MS = 20_000;

export class CloudToken implements TokenSource {
  readonly noAnswer: string;
  readonly #settings: OneCloud;
  #issue: ((now: number) => Promise<IssuedToken>) | undefined;

  constructor(settings: OneCloud) {
    this.#settings = settings;
    this.noAnswer = `the library of ${CLOUDS[settings.provider]} has given no token yet (${SETTING})`;
  }

  readonly issue = async (now: number): Promise<IssuedToken> => {
    const late = () => new BrokerError(`no token within ${LIMIT_MS / 1000} s`, this.noAnswer, true);
    try {
      this.#issue ??= open(this.#settings);
      return await withinTime(this.#issue(now), LIMIT_MS, late);
    } catch (error) {
      // Libraries remember what they did not find, for example a metadata service that started later than the proxy.
      this.#issue = undefined;
      throw error instanceof BrokerError ? error : cloudError(error, this.#settings.provider);
    }
  };
}

function open({ provider, region, account, scope }: OneCloud): (now: number) => Promise<IssuedToken> {
  switch (provider) {
    case 'aws':
      return openAws(region ?? '');
    case 'azure':
      return openAzure(scope ?? '');
    case 'google':
      return openGoogle(account);
  }
}
