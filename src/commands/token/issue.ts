import { randomUUIDv7 } from 'node:crypto';
import { SignJWT } from 'jose';
import { Database } from '../../auth/personal-tokens/database.ts';
import { detailOf, problemOf } from '../../auth/personal-tokens/database-problem.ts';
import { ISSUER, type PersonalTokenClaims } from '../../auth/personal-tokens/personal-tokens.ts';
import { nearestName, suggestion } from '../../config/nearest-name.ts';
import { isSenderName, NAME_RULE } from '../../auth/sender-name.ts';
import type { Settings } from '../../config/schema/schema.ts';
import { databaseAddress } from '../../proxy/personal-tokens.ts';
import { errorCode } from '../../support/error-text.ts';
import { printable } from '../../support/printable.ts';

const DAY_MS = 86_400_000;

/** Data.Rentgen's own list. Its pages do not show a token with another scope. */
const SCOPES: readonly string[] = ['all:read', 'all:write'];

/** The content of a new token; numbers as the user wrote them. */
export interface NewToken {
  readonly userId: string;
  readonly user: string;
  readonly name: string;
  /** The default is the longest duration that the settings allow. */
  readonly days?: string | undefined;
  readonly scope: string;
}

export interface IssueOptions {
  /** Makes the row of the token in the database. */
  readonly isRegistered: boolean;
  readonly isJson: boolean;
}

/**
 * Prints a personal token, made as Data.Rentgen's UI makes them. Only the token goes to standard output; everything else
 * goes to standard error. With `isJson`, the token is in an object. `failed` says why it fails. Returns the exit code.
 */
export async function issueToken(
  token: NewToken,
  settings: Settings,
  { isRegistered, isJson }: IssueOptions,
  failed: (message: string) => number,
): Promise<number> {
  const { secretKey, securityAlgorithm, checkRevocation, maxDurationDays } = settings.auth.personalTokens;
  const days = token.days ?? String(maxDurationDays);
  const problem = problemOfToken(token, days, maxDurationDays);
  if (problem !== undefined) return failed(problem);
  if (secretKey === undefined)
    return failed('auth.personal_tokens.secret_key is not set: it signs the token');
  const since = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const until = since + Number(days) * DAY_MS;
  const id = randomUUIDv7();
  const claims = {
    jti: id,
    token_name: token.name,
    sub_id: Number(token.userId),
    preferred_username: token.user,
    scope: token.scope,
    iat: Math.floor(Date.now() / 1000),
    // Data.Rentgen counts whole days and includes the last one.
    nbf: since / 1000,
    exp: (until + DAY_MS) / 1000,
    iss: ISSUER,
  } as const;
  const unregistered = isRegistered ? await register(claims, since, until, settings) : undefined;
  if (unregistered !== undefined) return failed(unregistered);
  const header = { alg: securityAlgorithm, typ: 'JWT' };
  const signed = await new SignJWT(claims)
    .setProtectedHeader(header)
    .sign(new TextEncoder().encode(secretKey));
  const text = `personal_token_${signed}`;
  const { user, name } = token;
  console.log(
    isJson
      ? JSON.stringify({ token: text, id, name, user, valid_until: dayOf(until), registered: isRegistered })
      : text,
  );
  console.error(`It is valid until the end of ${dayOf(until)} (UTC), as ${token.user}.`);
  if (!isRegistered && checkRevocation) {
    console.error(
      `Data.Rentgen's table personal_token needs a row with id ${id} and user_id ${token.userId} before the token is used. ` +
        'Without the row, the token counts as revoked. --register makes the row.',
    );
  }
  return 0;
}

/** The error in the options; undefined without one. */
function problemOfToken(
  { userId, user, name, scope }: NewToken,
  days: string,
  maxDays: number,
): string | undefined {
  if (!/^\d{1,15}$/.test(userId)) return "--user-id is the number of the user in Data.Rentgen's table user";
  if (user === '') return '--user is empty';
  const unknown = scope.split(' ').find((one) => !SCOPES.includes(one));
  if (unknown !== undefined) {
    return `--scope has '${printable(unknown)}' where one of ${SCOPES.join(', ')} was expected.${suggestion(nearestName(unknown, SCOPES))}`;
  }
  if (!isSenderName(user)) return `--user has ${NAME_RULE}`;
  // The database column is varchar(64).
  if (name === '' || Array.from(name).length > 64) return '--name has 1 to 64 characters';
  if (/^\d{1,5}$/.test(days) && Number(days) >= 1 && Number(days) <= maxDays) return undefined;
  return `--days is 1 to ${maxDays} (auth.personal_tokens.max_duration_days)`;
}

/** Makes the row of a token in Data.Rentgen's database. Returns the reason when that fails. */
async function register(
  claims: Omit<PersonalTokenClaims, 'aud'>,
  since: number,
  until: number,
  settings: Settings,
): Promise<string | undefined> {
  const address = databaseAddress(settings);
  if (!address) return 'database.url is not set: --register needs it';
  const { jti, sub_id: userId, preferred_username: user, token_name: name, scope } = claims;
  const scopes = JSON.stringify(scope.split(' '));
  let database: Database | undefined;
  try {
    database = new Database(address);
    const { rowCount } = await database.query(
      `insert into personal_token (id, user_id, name, scopes, since, until)
       select $1, id, $3, $4, $5, $6 from "user" where id = $2 and name = $7`,
      [jti, userId, name, scopes, dayOf(since), dayOf(until), user],
    );
    return rowCount === 1 ? undefined : `Data.Rentgen has no user '${user}' with id ${userId}`;
  } catch (error) {
    return registrationError(error, user, name);
  } finally {
    await database?.close();
  }
}

function registrationError(error: unknown, user: string, name: string): string {
  // SQLSTATE 23P01, exclusion_violation: a user has no two tokens of one name at the same time.
  if (errorCode(error) === '23P01')
    return `user '${user}' has a token of the name '${name}' already; revoke that token first, or choose another name`;
  return `the row cannot be made: ${problemOf(error)} (${detailOf(error)})`;
}

/** `2026-01-31`, in UTC. */
function dayOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10);
}
