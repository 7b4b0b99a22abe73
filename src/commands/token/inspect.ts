import { hash } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose';
import { pino } from 'pino';
import { ISSUER } from '../../auth/personal-tokens/personal-tokens.ts';
import type { Finding } from '../../auth/sender.ts';
import { readSendersFile } from '../../auth/senders-file.ts';
import { Senders } from '../../auth/senders.ts';
import type { Settings } from '../../config/schema/schema.ts';
import { createMetrics } from '../../metrics/metrics.ts';
import { openOidc } from '../../proxy/authentication.ts';
import { createPersonalTokens } from '../../proxy/personal-tokens.ts';
import { errorText } from '../../support/error-text.ts';
import { printable } from '../../support/printable.ts';

const BEARER = /^(?:authorization: *)?(?:bearer +)?/i;
const PERSONAL_TOKEN = 'personal_token_';

/** The prefix of the keys that `token key` makes. */
const API_KEY = 'h2k_';

/** RFC 7519 §3: three parts in base64url. */
const JWT = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/** What the proxy says of a credential. */
interface Decision {
  /** Undefined if the settings do not allow to check it. */
  readonly accepted: boolean | undefined;
  readonly sender?: string;
  /** Why it is refused. */
  readonly reason?: string;
  /** What was not checked, and why. */
  readonly unchecked?: string;
}

interface Explained extends Decision {
  readonly lines: readonly Line[];
  /** The same for programs. */
  readonly known: Readonly<Record<string, unknown>>;
}

/**
 * Explains a credential of any kind, and prints the proxy's decision about it. Reads a `-` from standard input, because
 * every user of the machine can see arguments. `failed` says why it cannot. Returns the exit code: 0 for a credential
 * that the proxy accepts, or that the settings do not allow to check.
 */
export async function inspectToken(
  given: string,
  settings: Settings,
  isJson: boolean,
  failed: (message: string) => number,
): Promise<number> {
  const credential = (given === '-' ? await text(process.stdin) : given).trim().replace(BEARER, '');
  let explained: Explained | undefined;
  try {
    explained = await explain(credential, settings);
  } catch (error) {
    return failed(errorText(error));
  }
  if (!explained)
    return failed('this is no token that the proxy knows: neither a JWT with readable claims nor an API key');
  const { lines, known, accepted, sender, reason, unchecked } = explained;
  if (isJson) {
    const decision = { accepted: accepted ?? null, sender: sender ?? null, reason: reason ?? null };
    console.log(JSON.stringify({ ...known, ...decision, unchecked: unchecked ?? null }));
  } else {
    print(lines);
    if (unchecked !== undefined) console.error(unchecked);
    if (sender !== undefined) print([['the proxy', `takes it, as ${sender}`]]);
    else if (accepted === false) print([['the proxy', `refuses it: ${reason ?? ''}`]]);
  }
  return accepted === false ? 1 : 0;
}

/** Undefined for what is no credential. @throws when the senders file cannot be read. */
async function explain(credential: string, settings: Settings): Promise<Explained | undefined> {
  const jwt = credential.replace(PERSONAL_TOKEN, '');
  const claims = claimsOf(jwt);
  if (claims && (credential.startsWith(PERSONAL_TOKEN) || claims.iss === ISSUER)) {
    return explainPersonalToken(jwt, claims, settings);
  }
  if (claims) return explainAccessToken(jwt, claims, settings);
  const isApiKey = credential.startsWith(API_KEY) || settings.auth.sendersFile !== undefined;
  const isKey = isApiKey && !JWT.test(credential) && credential !== '';
  return isKey ? explainApiKey(credential, settings) : undefined;
}

async function explainPersonalToken(jwt: string, claims: JWTPayload, settings: Settings): Promise<Explained> {
  const known = { kind: 'personal token', algorithm: decodeProtectedHeader(jwt).alg, claims };
  const lines: Line[] = [
    ['name', claims['token_name']],
    ['user', `${shown(claims['preferred_username'])} (id ${shown(claims['sub_id'])})`],
    ['scope', claims['scope']],
    ['id', claims.jti],
    ...commonLines(jwt, claims),
  ];
  const personalTokens = createPersonalTokens(settings, createMetrics(), pino({ enabled: false }));
  if (!personalTokens) {
    const unchecked = 'Its signature was not checked: auth.personal_tokens.secret_key is not set.';
    return { lines, known, accepted: undefined, unchecked };
  }
  const { check, revocations } = personalTokens;
  const finding = await check(jwt);
  await revocations?.close();
  const decision = decisionOf(finding, revocations?.problem && `the database: ${revocations.problem}`);
  if (revocations) return { lines, known, ...decision };
  const unchecked = 'It was not checked whether the token is revoked: database.url is not set, or not used.';
  return { lines, known, ...decision, unchecked };
}

async function explainAccessToken(jwt: string, claims: JWTPayload, settings: Settings): Promise<Explained> {
  const known = { kind: 'access token', algorithm: decodeProtectedHeader(jwt).alg, claims };
  const ownLabels = ['iss', 'iat', 'nbf', 'exp'];
  const lines: Line[] = [
    ['kind', 'access token'],
    ...Object.entries(claims).filter(([name]) => !ownLabels.includes(name)),
    ...commonLines(jwt, claims),
  ];
  const oidc = await openOidc(settings, createMetrics(), pino({ enabled: false }));
  if (!oidc) {
    const unchecked = 'Its signature was not checked: auth.oidc.issuer is not set.';
    return { lines, known, accepted: undefined, unchecked };
  }
  const finding = await oidc.check(jwt);
  oidc.close();
  return { lines, known, ...decisionOf(finding, oidc.problem) };
}

function explainApiKey(key: string, { auth: { sendersFile } }: Settings): Explained {
  const sha256 = hash('sha256', key);
  const known = { kind: 'API key', sha256 };
  const lines: Line[] = [
    ['kind', 'API key'],
    ['sha256', sha256],
  ];
  if (sendersFile === undefined) {
    const unchecked = 'It was not checked which sender has the key: auth.senders_file is not set.';
    return { lines, known, accepted: undefined, unchecked };
  }
  try {
    return { lines, known, ...decisionOf(new Senders(readSendersFile(sendersFile)).findApiKey(key)) };
  } catch (error) {
    throw new Error(`${sendersFile} (auth.senders_file) cannot be used: ${errorText(error)}`, {
      cause: error,
    });
  }
}

/** `problem` is what is wrong with a service that the check needs. */
function decisionOf({ sender, rejection }: Finding, problem?: string): Decision {
  if (sender) return { accepted: true, sender: sender.name };
  const { message, details } = rejection.refusal;
  const why = typeof details === 'string' ? details : problem;
  return { accepted: false, reason: `${message}${why === undefined ? '' : `: ${why}`}` };
}

/** The claims, unchecked; undefined when the text is no JWT. */
function claimsOf(jwt: string): JWTPayload | undefined {
  try {
    decodeProtectedHeader(jwt);
    return decodeJwt(jwt);
  } catch {
    return undefined;
  }
}

type Line = readonly [label: string, value: unknown];

function commonLines(jwt: string, claims: JWTPayload): readonly Line[] {
  return [
    ['issuer', claims.iss],
    ['algorithm', decodeProtectedHeader(jwt).alg],
    ['issued', timeOf(claims.iat)],
    ['valid from', timeOf(claims.nbf)],
    ['valid until', timeOf(claims.exp)],
  ];
}

function print(lines: readonly Line[]): void {
  for (const [label, value] of lines) console.log(`${shown(label).padEnd(11)} ${shown(value)}`);
}

/** The text of a claim. Control characters are replaced, because the token's author could write to the terminal with them. */
function shown(value: unknown): string {
  if (value === undefined) return '(missing)';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return printable(text);
}

function timeOf(seconds: unknown): unknown {
  if (typeof seconds !== 'number') return seconds;
  const time = new Date(seconds * 1000);
  return Number.isNaN(time.getTime()) ? seconds : time.toISOString();
}
