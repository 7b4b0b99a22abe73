/** Where users of the page log in, by a password or at an OpenID provider, and log out. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { refusal, type Refusal } from '../../../errors.ts';
import { loggedInDocument, loginDocument } from '../../../page/html/document.ts';
import type { ClientOf } from '../../origin.ts';
import { discardBody, writeHtml, writePage } from '../page-answer.ts';
import type { Monitoring } from '../monitoring.ts';
import { CALLBACK, type PageLoginFailure, type PageOidc } from './page-oidc.ts';
import type { PageSessions } from './page-sessions.ts';

export interface LoginParts {
  readonly sessions: PageSessions;
  /** Undefined without an OpenID provider. */
  readonly oidc: PageOidc | undefined;
  readonly clientOf: ClientOf;
  /** Answers refusals, and has them logged. */
  readonly monitoring: Pick<Monitoring, 'refuse' | 'report'>;
}

/** Bytes of the form to log in. */
const MAX_FORM_BYTES = 4096;

const LOGIN = '/page/login';
const LOGOUT = '/page/logout';
const OIDC = '/page/oidc';

const TOO_MANY = 'There were too many attempts. Try again in some minutes.';
const AGAIN = 'This login has expired or has ended already. Log in again.';

/** What the form says of a login at the provider that has failed, and the status of the answer. */
const FAILURES: Readonly<
  Record<PageLoginFailure['failure'], readonly [status: 403 | 429 | 503, message: string]>
> = {
  denied: [403, 'The login was denied or cancelled at the provider of your account.'],
  'not-allowed': [403, 'Your account may not see this page. Ask the operator of this proxy.'],
  unavailable: [503, 'The provider of your account cannot be asked now. Try again later.'],
  wrong: [403, 'The login has failed. The log of this proxy says why.'],
  expired: [403, AGAIN],
  unknown: [403, AGAIN],
  'too-many': [429, TOO_MANY],
};

const CODES = { 403: 'forbidden', 429: 'too_many_requests', 503: 'unavailable' } as const;

/** Failures that count as attempts: each has cost the provider a request. */
const COUNTED: ReadonlySet<string> = new Set(['not-allowed', 'wrong', 'expired']);

export class LoginPages {
  readonly #rootPath: string;
  readonly #parts: LoginParts;

  /** `rootPath` is '' for none. */
  constructor(rootPath: string, parts: LoginParts) {
    this.#rootPath = rootPath;
    this.#parts = parts;
  }

  /** True if `handle` answers requests for this path. */
  serves(path: string): boolean {
    if (path === LOGIN || path === LOGOUT) return true;
    return this.#parts.oidc !== undefined && (path === OIDC || path === CALLBACK);
  }

  /** True for the path that the provider redirects to. */
  isCallback(path: string): boolean {
    return this.#parts.oidc !== undefined && path === CALLBACK;
  }

  /** Answers with the form to log in. */
  show(response: ServerResponse, status = 200, message?: string): void {
    const { sessions, oidc } = this.#parts;
    const ways = { passwords: sessions.takesPasswords, provider: oidc?.address };
    writeHtml(response, status, loginDocument(this.#rootPath, ways, message));
  }

  /** Answers a request for a path that it serves. Never throws. */
  handle(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    query: URLSearchParams,
    requestId: string,
  ): void {
    const { oidc, monitoring } = this.#parts;
    const ofProvider = path === OIDC || path === CALLBACK;
    if (request.method !== (ofProvider ? 'GET' : 'POST')) {
      const reason = refusal('not_found', 'There is nothing to log in to');
      discardBody(request, () => monitoring.refuse(request, response, requestId, reason));
      return;
    }
    let answered: Promise<void>;
    if (!ofProvider || !oidc) answered = this.#handleForm(request, response, path);
    else if (path === OIDC) answered = this.#begin(oidc, request, response, requestId);
    else answered = this.#finish(oidc, request, response, query, requestId);
    answered.catch(() => response.destroy());
  }

  async #handleForm(request: IncomingMessage, response: ServerResponse, path: string): Promise<void> {
    const { sessions, clientOf } = this.#parts;
    const form = await formOf(request);
    let cookie: string;
    if (path === LOGOUT) cookie = sessions.logout(request);
    else {
      const address = clientOf(request).address;
      const login = await sessions.login(form.get('name') ?? '', form.get('password') ?? '', address);
      if (login === 'wrong') this.show(response, 403, 'Name or password is wrong.');
      if (login === 'too-many') this.show(response, 429, TOO_MANY);
      if (typeof login === 'string') return;
      ({ cookie } = login);
    }
    writePage(response, 303, { location: `${this.#rootPath}/`, 'set-cookie': cookie }, '');
  }

  async #begin(
    oidc: PageOidc,
    request: IncomingMessage,
    response: ServerResponse,
    requestId: string,
  ): Promise<void> {
    const begun = await oidc.begin();
    if ('failure' in begun) this.#refuse(begun, request, response, requestId);
    else writePage(response, 303, { location: begun.location, 'set-cookie': begun.cookie }, '');
  }

  async #finish(
    oidc: PageOidc,
    request: IncomingMessage,
    response: ServerResponse,
    query: URLSearchParams,
    requestId: string,
  ): Promise<void> {
    const { sessions, clientOf } = this.#parts;
    const { address } = clientOf(request);
    const found = sessions.isBarred(address)
      ? ({ failure: 'too-many', detail: 'too many failed attempts of this address' } as const)
      : await oidc.finish(request, query);
    if ('failure' in found) {
      if (COUNTED.has(found.failure)) sessions.countFailureOf(address);
      this.#refuse(found, request, response, requestId);
      return;
    }
    response.setHeader('set-cookie', [sessions.begin(found.user), oidc.endCookie]);
    writeHtml(response, 200, loggedInDocument(this.#rootPath));
  }

  #refuse(
    { failure, detail }: PageLoginFailure,
    request: IncomingMessage,
    response: ServerResponse,
    requestId: string,
  ): void {
    const [status, message] = FAILURES[failure];
    const reason: Refusal = refusal(CODES[status], `No login to the page: ${detail}`);
    this.#parts.monitoring.report(request, requestId, reason);
    this.show(response, status, message);
  }
}

/** The fields of a form. A longer body is cut. */
async function formOf(request: IncomingMessage): Promise<URLSearchParams> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request) {
    if (!Buffer.isBuffer(piece)) continue;
    size += piece.length;
    if (size > MAX_FORM_BYTES) request.destroy();
    pieces.push(piece);
  }
  return new URLSearchParams(Buffer.concat(pieces).toString('utf8'));
}
