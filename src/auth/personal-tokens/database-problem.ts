/**
 * What the errors of `pg`, of the server and of the network mean. Apart from `database.ts`, which loads `pg`: a program without a database
 * does not load it.
 */
import { errorCode, errorText } from '../../support/error-text.ts';

/** By SQLSTATE (PostgreSQL, appendix A) or the system's code. Names no address. */
const PROBLEMS: Readonly<Record<string, string>> = {
  '28P01': 'it refuses the user or the password',
  '28000': 'it refuses the user',
  '3D000': 'there is no database of that name',
  '42P01': 'it has no table personal_token',
  '42703': 'its table personal_token has other columns',
  '42501': 'the user may not read its table personal_token',
  '53300': 'it has no free connection',
  '57P01': 'it is shutting down',
  '57P03': 'it is starting or shutting down',
  ENOTFOUND: 'there is no host of that name',
  EAI_AGAIN: 'the name of its host cannot be looked up now',
};

/** What is wrong, without addresses: clients may read it. */
export function problemOf(error: unknown): string {
  const code = codeOf(error);
  if (isWithoutTls(error)) return 'it has no TLS';
  if (code === undefined) return 'it does not answer';
  const known = PROBLEMS[code];
  if (known !== undefined) return known;
  // SQLSTATE: five characters, nearly always with a digit. Other codes are OpenSSL's or the network's.
  if (/^(?=.*\d)[0-9A-Z]{5}$/.test(code)) return `it answers with error ${code}`;
  return /CERT|SIGNATURE|ISSUER|ALTNAME/.test(code) ? 'its certificate is not trusted' : 'it does not answer';
}

/** What is wrong, for the log: with addresses and the user's name. No such error contains the password. */
export function detailOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(detailOf).join('; ');
  return errorText(error);
}

/** True when the server has no TLS. By the message of `pg`: it has no code. */
export function isWithoutTls(error: unknown): boolean {
  return error instanceof Error && error.message === 'The server does not support SSL connections';
}

/** SQLSTATE, or the system's code. A name with several addresses fails with one error for each: the first one counts. */
export function codeOf(error: unknown): string | undefined {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : undefined;
  return first instanceof Error ? codeOf(first) : errorCode(error);
}
