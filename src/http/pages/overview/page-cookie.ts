/** A cookie with a secret that only one browser has. The proxy keeps a hash of it: its memory does not tell the secret. */
import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** Bytes of a secret: no number of attempts finds it. */
const SECRET_BYTES = 32;

export class PageCookie {
  readonly #name: string;
  readonly #end: string;

  /** `path`: browsers send it with requests for this path and those below. `https`: with TLS only. */
  constructor(name: string, path: string, sameSite: 'Strict' | 'Lax', https: boolean) {
    this.#name = name;
    this.#end = `; Path=${path}; HttpOnly; SameSite=${sameSite}${https ? '; Secure' : ''}`;
  }

  /** A new cookie that a browser keeps for so long, and the key by which the proxy knows it. */
  issue(forMs: number): { readonly key: string; readonly cookie: string } {
    const secret = randomBytes(SECRET_BYTES).toString('base64url');
    return { key: digest(secret), cookie: `${this.#name}=${secret}; Max-Age=${forMs / 1000}${this.#end}` };
  }

  /** Removes the cookie of the browser. */
  get removal(): string {
    return `${this.#name}=; Max-Age=0${this.#end}`;
  }

  /** The key of a request's cookie; undefined without the cookie. */
  keyOf({ headers }: IncomingMessage): string | undefined {
    const pairs = (headers.cookie ?? '').split(';').map((pair) => pair.trim());
    const secret = pairs.find((pair) => pair.startsWith(`${this.#name}=`))?.slice(this.#name.length + 1);
    return secret ? digest(secret) : undefined;
  }
}

/** A hash of a secret. Two of them have one length, so they can be compared in constant time. */
export function digest(secret: string): string {
  return createHash('sha256').update(secret).digest('base64');
}
