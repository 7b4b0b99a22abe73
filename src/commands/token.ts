/** `http2kafka token`: makes and explains what senders show. Secrets go to standard output alone, all else to standard error. */
import { createHash, randomBytes, randomUUIDv7 } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { SignJWT } from 'jose';
import { pino } from 'pino';
import { Database } from '../auth/personal-tokens/database.ts';
import { codeOf, detailOf, problemOf } from '../auth/personal-tokens/database-problem.ts';
import { ISSUER, type PersonalTokenClaims } from '../auth/personal-tokens/personal-token-claims.ts';
import type { Settings } from '../config/schema/schema.ts';
import { createMetrics } from '../metrics/metrics.ts';
import { createPersonalTokens, databaseAddress } from '../proxy/personal-tokens.ts';
import { explainToken } from './token-explanation.ts';

const PREFIX = 'personal_token_';
const DAY_MS = 86_400_000;

/** What `token issue` is told; numbers as they were typed. */
export interface IssueOptions {
  readonly userId: string;
  readonly user: string;
  readonly name: string;
  readonly days?: string;
  readonly scope: string;
  readonly register?: true;
}

/** Prints a new personal token, as Data.Rentgen's UI makes them. Returns the exit code. */
export async function issueToken(options: IssueOptions, settings: Settings): Promise<number> {
  const { secretKey, securityAlgorithm, maxDurationDays } = settings.auth.personalTokens;
  const fault = issueFault(options, maxDurationDays);
  if (fault !== undefined) return failed(fault);
  if (secretKey === undefined)
    return failed('auth.personal_tokens.secret_key is not set: it signs the token');
  const since = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const until = since + Number(options.days ?? maxDurationDays) * DAY_MS;
  const id = randomUUIDv7();
  const claims = {
    jti: id,
    token_name: options.name,
    sub_id: Number(options.userId),
    preferred_username: options.user,
    scope: options.scope,
    iat: Math.floor(Date.now() / 1000),
    // Whole days, the last one included, as Data.Rentgen has them.
    nbf: since / 1000,
    exp: (until + DAY_MS) / 1000,
    iss: ISSUER,
  } as const;
  if (options.register && !(await register(claims, since, until, settings))) return 1;
  const header = { alg: securityAlgorithm, typ: 'JWT' };
  const key = new TextEncoder().encode(secretKey);
  const token = await new SignJWT(claims).setProtectedHeader(header).sign(key);
  console.log(PREFIX + token);
  console.error(`It is good until the end of ${dayOf(until)} (UTC), as ${options.user}.`);
  if (!options.register && settings.auth.personalTokens.checkRevocation) {
    console.error(
      `Data.Rentgen's table personal_token needs a row with id ${id} and user_id ${options.userId} before the token is used: without it, it counts as revoked. --register makes the row.`,
    );
  }
  return 0;
}

/** What is wrong with the options, if anything. */
function issueFault({ userId, user, name, days }: IssueOptions, maxDays: number): string | undefined {
  if (!/^\d{1,15}$/.test(userId)) return "--user-id is the number of the user in Data.Rentgen's table user";
  if (user === '') return '--user is empty';
  // The column is varchar(64).
  if (name === '' || Array.from(name).length > 64) return '--name has 1 to 64 characters';
  if (days === undefined || (/^\d{1,5}$/.test(days) && Number(days) >= 1 && Number(days) <= maxDays)) {
    return undefined;
  }
  return `--days is 1 to ${maxDays} (auth.personal_tokens.max_duration_days)`;
}

/** Makes the row of a token, and says why if it cannot be. */
async function register(
  claims: Omit<PersonalTokenClaims, 'aud'>,
  since: number,
  until: number,
  settings: Settings,
): Promise<boolean> {
  const address = databaseAddress(settings);
  if (!address) {
    console.error('database.url is not set: --register needs it');
    return false;
  }
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
    if (rowCount === 1) return true;
    console.error(`Data.Rentgen has no user '${user}' with id ${userId}`);
  } catch (error) {
    // 23P01: the exclusion of two tokens of one name at one time.
    const taken = error instanceof Error && codeOf(error) === '23P01';
    console.error(
      taken
        ? `user '${user}' has a token of the name '${name}' already; revoke that first, or choose another name`
        : `the row could not be made: ${problemOf(error)} (${detailOf(error)})`,
    );
  } finally {
    await database?.close();
  }
  return false;
}

/**
 * Prints what a token says, and what the proxy would say of it. `-` takes it from standard input: arguments are seen by
 * others on the machine. Returns the exit code: 0 for one that is taken, or cannot be checked for want of a key.
 */
export async function inspectToken(given: string, settings: Settings): Promise<number> {
  const written = (given === '-' ? await text(process.stdin) : given).trim();
  const token = written
    .replace(/^authorization: */i, '')
    .replace(/^bearer +/i, '')
    .replace(PREFIX, '');
  const explanation = explainToken(token);
  if (explanation === undefined) return failed('this is no personal token: no JWT whose claims can be read');
  console.log(explanation);
  const personalTokens = createPersonalTokens(settings, createMetrics(), pino({ enabled: false }));
  if (!personalTokens) {
    console.error('Its signature was not checked: auth.personal_tokens.secret_key is not set.');
    return 0;
  }
  const { check, revocations } = personalTokens;
  const { sender, rejection } = await check(token);
  await revocations?.close();
  if (!revocations)
    console.error('Whether it is revoked was not asked: database.url is not set, or not used.');
  if (sender) {
    console.log(`the proxy   takes it, as ${sender.name}`);
    return 0;
  }
  const { message, details } = rejection.refusal;
  const problem = revocations?.problem;
  const why =
    typeof details === 'string' ? details : problem === undefined ? undefined : `the database: ${problem}`;
  console.log(`the proxy   refuses it: ${message}${why === undefined ? '' : `: ${why}`}`);
  return 1;
}

/** Prints a new API key, and what belongs into the file of senders for it. Returns the exit code. */
export function makeApiKey(name: string): number {
  if (name === '' || name.length > 256) return failed('a name has 1 to 256 characters');
  // 256 bits. The prefix tells scanners for lost secrets, and people, what it is.
  const key = `h2k_${randomBytes(32).toString('base64url')}`;
  const hash = createHash('sha256').update(key).digest('hex');
  console.log(key);
  // A name in JSON is one in YAML, whatever is in it.
  const yamlName =
    /^[A-Za-z][\w.-]*$/.test(name) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(name)
      ? name
      : JSON.stringify(name);
  console.error(`For the file of senders (auth.senders_file), below \`senders:\`\n`);
  console.error(`  - name: ${yamlName}\n    api_keys: ['sha256:${hash}']\n`);
  console.error('The key itself is kept nowhere: give it to its sender now.');
  return 0;
}

function failed(message: string): number {
  console.error(message);
  return 1;
}

/** `2026-01-31`, in UTC. */
function dayOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10);
}
