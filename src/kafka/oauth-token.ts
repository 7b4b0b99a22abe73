/** The token for OAUTHBEARER: from a token endpoint, kept while it holds, or from a file. */
import { readFile } from 'node:fs/promises';
import type { OauthSettings } from './security-settings.ts';

export class OauthToken {
  readonly #settings: OauthSettings;

  constructor(settings: OauthSettings) {
    this.#settings = settings;
  }

  async current(): Promise<string> {
    const { tokenFile } = this.#settings;
    if (tokenFile === undefined) throw new Error('no token endpoint yet');
    return (await readFile(tokenFile, 'utf8')).trim();
  }
}
