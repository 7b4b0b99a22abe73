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

/**
 * Explains a credential of any kind, and prints the proxy's decision about it. Reads a `-` from standard input, because
 * every user of the machine can see arguments. Returns the exit code: 0 for a credential that the proxy accepts, or that
 * the settings do not allow to check.
 */
export async function inspectToken(given: string, settings: Settings): Promise<number> {
  const credential = (given === '-' ? await text(process.stdin) : given).trim().replace(BEARER, '');
  const jwt = credential.replace(PERSONAL_TOKEN, '');
  const claims = claimsOf(jwt);
  if (claims && (credential.startsWith(PERSONAL_TOKEN) || claims.iss === ISSUER)) {
    return inspectPersonalToken(jwt, claims, settings);
  }
  if (claims) return inspectAccessToken(jwt, claims, settings);
  const isApiKey = credential.startsWith(API_KEY) || settings.auth.sendersFile !== undefined;
  if (isApiKey && !JWT.test(credential) && credential !== '') return inspectApiKey(credential, settings);
  console.error('this is no token that the proxy knows: neither a JWT with readable claims nor an API key');
  return 1;
}

async function inspectPersonalToken(jwt: string, claims: JWTPayload, settings: Settings): Promise<number> {
  print([
    ['name', claims['token_name']],
    ['user', `${shown(claims['preferred_username'])} (id ${shown(claims['sub_id'])})`],
    ['scope', claims['scope']],
    ['id', claims.jti],
    ...commonLines(jwt, claims),
  ]);
  const personalTokens = createPersonalTokens(settings, createMetrics(), pino({ enabled: false }));
  if (!personalTokens) {
    console.error('Its signature was not checked: auth.personal_tokens.secret_key is not set.');
    return 0;
  }
  const { check, revocations } = personalTokens;
  const finding = await check(jwt);
  await revocations?.close();
  if (!revocations)
    console.error('It was not checked whether the token is revoked: database.url is not set, or not used.');
  return decide(finding, revocations?.problem && `the database: ${revocations.problem}`);
}

async function inspectAccessToken(jwt: string, claims: JWTPayload, settings: Settings): Promise<number> {
  const ownLabels = ['iss', 'iat', 'nbf', 'exp'];
  print([
    ['kind', 'access token'],
    ...Object.entries(claims).filter(([name]) => !ownLabels.includes(name)),
    ...commonLines(jwt, claims),
  ]);
  const oidc = await openOidc(settings, createMetrics(), pino({ enabled: false }));
  if (!oidc) {
    console.error('Its signature was not checked: auth.oidc.issuer is not set.');
    return 0;
  }
  const finding = await oidc.check(jwt);
  oidc.close();
  return decide(finding, oidc.problem);
}

function inspectApiKey(key: string, { auth: { sendersFile } }: Settings): number {
  print([
    ['kind', 'API key'],
    ['sha256', hash('sha256', key)],
  ]);
  if (sendersFile === undefined) {
    console.error('It was not checked which sender has the key: auth.senders_file is not set.');
    return 0;
  }
  try {
    return decide(new Senders(readSendersFile(sendersFile)).findApiKey(key));
  } catch (error) {
    console.error(`${sendersFile} (auth.senders_file) cannot be used: ${errorText(error)}`);
    return 1;
  }
}

/** Prints the decision. `problem` is what is wrong with a service that the check needs. Returns the exit code. */
function decide({ sender, rejection }: Finding, problem?: string): number {
  if (sender) {
    print([['the proxy', `takes it, as ${sender.name}`]]);
    return 0;
  }
  const { message, details } = rejection.refusal;
  const why = typeof details === 'string' ? details : problem;
  print([['the proxy', `refuses it: ${message}${why === undefined ? '' : `: ${why}`}`]]);
  return 1;
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
