/** Personal tokens as Data.Rentgen makes them, and invalid ones. They are signed without the library that checks them. */
import { createHmac } from 'node:crypto';

export const SECRET_KEY = 'Aw6phoo0eigh5ooGh1aeVeiwohcooXie';

/** Made by PyJWT 2.11 from `claims` below, `nbf` and `exp` being floats that end with `.0`. */
export const PYJWT_TOKEN =
  'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJqdGkiOiIwMTk4OWQyYy03YTVlLTdiM2MtOWYxMC0yYTRiNmM4ZDBlMWYiLCJ0b2tlbl9uYW1lIjoidHJpbm8tcHJvZCIsInN1Yl9pZCI6NSwicHJlZmVycmVkX3VzZXJuYW1lIjoiYWxpY2UiLCJzY29wZSI6ImFsbDpyZWFkIGFsbDp3cml0ZSIsImlhdCI6MTc1NTAwMDAwMCwibmJmIjoxNzU0OTU2ODAwLjAsImV4cCI6NDEwMjQ0NDgwMC4wLCJpc3MiOiJkYXRhLXJlbnRnZW4ifQ.kbGbG_MeM_WjeNbBOgLOw2uZc__dkPqbl-rsGsTwc5A';
export const PYJWT_TOKEN_HS512 =
  'eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJqdGkiOiIwMTk4OWQyYy03YTVlLTdiM2MtOWYxMC0yYTRiNmM4ZDBlMWYiLCJ0b2tlbl9uYW1lIjoidHJpbm8tcHJvZCIsInN1Yl9pZCI6NSwicHJlZmVycmVkX3VzZXJuYW1lIjoiYWxpY2UiLCJzY29wZSI6ImFsbDpyZWFkIGFsbDp3cml0ZSIsImlhdCI6MTc1NTAwMDAwMCwibmJmIjoxNzU0OTU2ODAwLjAsImV4cCI6NDEwMjQ0NDgwMC4wLCJpc3MiOiJkYXRhLXJlbnRnZW4ifQ.NBAtuRm54powXxaRWnaLCngk2ow7j1f-oKI9RNhZDpwiWNVLvi4RkUOVKnK8O2h8ELCz5KNjVlXEox24h2N2Yw';

/** 2100-01-01. */
export const EXPIRES_AT = 4_102_444_800;

export const claims = {
  jti: '01989d2c-7a5e-7b3c-9f10-2a4b6c8d0e1f',
  token_name: 'trino-prod',
  sub_id: 5,
  preferred_username: 'alice',
  scope: 'all:read all:write',
  iat: 1_755_000_000,
  nbf: 1_754_956_800,
  exp: EXPIRES_AT,
  iss: 'data-rentgen',
};

export function base64url(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

const HASHES: Readonly<Record<string, string>> = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' };

/** A token with these claims; undefined claims are omitted. A string is used as it is. */
export function tokenOf(
  content: string | Readonly<Record<string, unknown>>,
  {
    header = { alg: 'HS256', typ: 'JWT' },
    key = SECRET_KEY,
  }: { header?: unknown; key?: string | Buffer } = {},
): string {
  const alg = typeof header === 'object' && header !== null && 'alg' in header ? String(header.alg) : '';
  const signed = `${base64url(header)}.${base64url(content)}`;
  const signature = createHmac(HASHES[alg] ?? 'sha256', key)
    .update(signed)
    .digest('base64url');
  return `${signed}.${signature}`;
}
