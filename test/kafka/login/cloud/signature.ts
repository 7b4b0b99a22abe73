/**
 * AWS' Signature Version 4 in a query, computed again from an address alone. Written from AWS' documentation ("Authenticating Requests:
 * Using Query Parameters"), independent of AWS' packages.
 */
import { createHash, createHmac } from 'node:crypto';

export interface Verification {
  /** The signature in the address. */
  readonly given: string;
  /** The one that the secret key gives for this address. */
  readonly computed: string;
}

/**
 * Computes the signature of a GET request again. `payload` is the hash of the body that was signed: by default that of no body, and
 * `UNSIGNED-PAYLOAD` for S3. `unsigned` names parameters that were added later.
 */
export function verify(
  address: string,
  secretKey: string,
  { payload = sha256(''), unsigned = [] }: { payload?: string; unsigned?: readonly string[] } = {},
): Verification {
  const url = new URL(address);
  const valueOf = (name: string) => url.searchParams.get(name) ?? '';
  const left = new Set(['X-Amz-Signature', ...unsigned]);
  const canonicalQuery = [...url.searchParams]
    .filter(([name]) => !left.has(name))
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join('&');
  const canonicalRequest = ['GET', url.pathname, canonicalQuery, `host:${url.host}\n`, 'host', payload];
  const [, day = '', region = '', service = '', end = ''] = valueOf('X-Amz-Credential').split('/');
  const toSign = [
    'AWS4-HMAC-SHA256',
    valueOf('X-Amz-Date'),
    [day, region, service, end].join('/'),
    sha256(canonicalRequest.join('\n')),
  ].join('\n');
  const key = [day, region, service, end].reduce<Buffer>(hmac, Buffer.from(`AWS4${secretKey}`));
  return { given: valueOf('X-Amz-Signature'), computed: hmac(key, toSign).toString('hex') };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

/** RFC 3986, 2.3: only unreserved characters stay. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
