/** Where a new token for OAUTHBEARER comes from: a token endpoint, or the library of a cloud. */
export interface TokenSource {
  /** For an operator: no token has come in time. */
  readonly noAnswer: string;
  /**
   * Requests a token once. `now` is in milliseconds since the epoch.
   * @throws {BrokerError} which never contains a secret or a token.
   */
  readonly issue: (now: number) => Promise<IssuedToken>;
}

export interface IssuedToken {
  readonly token: string;
  /** Milliseconds that the token is valid; 0 where the source does not say, so that it is asked each time. */
  readonly lifetimeMs: number;
}
