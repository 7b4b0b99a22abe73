/** What is wrong with a database, from the errors of `pg`, of the server and of the network. */

/** What is wrong with the database, in words without an address; by SQLSTATE (PostgreSQL, appendix A) or the system's code. */
const PROBLEMS: Readonly<Record<string, string>> = {
  '28P01': 'it refuses the user or the password',
  '28000': 'it refuses the user',
  '3D000': 'there is no database of that name',
  '42P01': 'it has no table personal_token',
  '42703': 'its table personal_token has other columns',
  '42501': 'the user may not read its table personal_token',
  '53300': 'it has no connection to spare',
  '57P01': 'it is shutting down',
  '57P03': 'it is starting or shutting down',
  ENOTFOUND: 'there is no host of that name',
  EAI_AGAIN: 'the name of its host cannot be looked up now',
};

/** What is wrong, for everybody: no addresses. */
export function problemOf(error: unknown): string {
  const code = error instanceof Error ? codeOf(error) : undefined;
  if (isWithoutTls(error)) return 'it has no TLS';
  if (code === undefined) return 'it does not answer';
  const known = PROBLEMS[code];
  if (known !== undefined) return known;
  // SQLSTATE: five characters, with a digit in all but a few. All else is OpenSSL's or the network's.
  if (/^(?=.*\d)[0-9A-Z]{5}$/.test(code)) return `it answers with error ${code}`;
  return /CERT|SIGNATURE|ISSUER|ALTNAME/.test(code)
    ? 'its certificate is not to be trusted'
    : 'it does not answer';
}

/** What is wrong, for the log: with addresses and the user's name, but never the password, which nobody's errors repeat. */
export function detailOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(detailOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}

/** Has the server no TLS? By pg's words: there is no code. */
export function isWithoutTls(error: unknown): boolean {
  return error instanceof Error && error.message === 'The server does not support SSL connections';
}

/** SQLSTATE, or the system's code. Of a name with several addresses, each has an error of its own: the first one's. */
export function codeOf(error: Error): string | undefined {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  if (first instanceof Error) return codeOf(first);
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
