/** Reads a JSON document of the OpenID provider: with limits on time and size, and no redirect followed. */
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';

/** Bytes of a document. Google's key set has 2 KiB, a large one of Keycloak 20. */
const MAX_BYTES = 1024 * 1024;

/** Why a document could not be had. */
export class DocumentError extends Error {
  /** Of the answer, if there was one. */
  readonly status: number | undefined;
  /** More, for the log only: it may name an address. */
  readonly detail: string;

  /** `message` goes behind "the OpenID provider" and names no address. */
  constructor(message: string, detail = '', status?: number) {
    super(message);
    this.detail = detail;
    this.status = status;
  }
}

/**
 * The JSON document at `url`. `ca` is the certificates to trust in place of the system's (PEM); `signal` says when the time is up.
 * Rejects with a DocumentError. What redirects is refused: the provider's word counts at its own address only.
 */
export async function readDocument(url: URL, ca: string | undefined, signal: AbortSignal): Promise<unknown> {
  try {
    const response = await request(url, ca, signal);
    return parse(await bodyOf(response), url);
  } catch (error) {
    if (error instanceof DocumentError) throw error;
    throw signal.aborted ? new DocumentError('does not answer in time', url.href) : explained(error, url);
  }
}

function request(url: URL, ca: string | undefined, signal: AbortSignal): Promise<IncomingMessage> {
  const get = url.protocol === 'https:' ? https.get : http.get;
  // Asked every few minutes: by then the other end has closed a connection that is kept.
  const headers = { accept: 'application/json', connection: 'close', 'user-agent': 'http2kafka' };
  return new Promise((resolve, reject) => {
    const options = ca === undefined ? { headers, signal } : { headers, signal, ca };
    get(url, options, resolve).on('error', reject);
  });
}

async function bodyOf(response: IncomingMessage): Promise<Buffer> {
  const { statusCode: status = 0 } = response;
  if (status !== 200) {
    response.destroy();
    const redirects = status >= 300 && status < 400;
    const message = redirects
      ? 'redirects elsewhere, which is not followed'
      : `answers with status ${status}`;
    throw new DocumentError(message, '', status);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    // Leaving the loop closes the connection.
    if (size > MAX_BYTES) throw new DocumentError(`answers with more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parse(body: Buffer, url: URL): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new DocumentError('answers with something that is not JSON', url.href);
  }
}

function explained(error: unknown, url: URL): DocumentError {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  const why = error instanceof Error ? error.message : String(error);
  // OpenSSL's words for a chain that does not end at an authority, has expired, or is for another host.
  const untrusted = /CERT|SIGNATURE|ISSUER|ALTNAME/.test(code);
  const message = untrusted ? 'shows a certificate that is not trusted' : 'cannot be reached';
  return new DocumentError(message, `${url.href}: ${why}`);
}
