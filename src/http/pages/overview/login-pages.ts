/** Where users of the page log in, by a password or at an OpenID provider, and log out. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Reason } from '../../../auth/sender.ts';
import { refusal, type Refusal } from '../../../errors.ts';
import { loggedInDocument, loginDocument } from '../../../page/html/document.ts';
import type { ClientOf } from '../../origin.ts';
import { discardBody, writeHtml, writePage } from '../page-answer.ts';
import type { Monitoring } from '../monitoring.ts';
import { CALLBACK, type PageLoginFailure, type PageOidc } from './page-oidc.ts';
import type { PageSenders } from './page-senders.ts';
import type { PageSessions } from './page-sessions.ts';

export interface LoginParts {
  readonly sessions: PageSessions;
  /** Undefined without an OpenID provider. */
  readonly oidc: PageOidc | undefined;
  /** Undefined if senders cannot log in. */
  readonly senders: PageSenders | undefined;
  readonly clientOf: ClientOf;
  /** Answers refusals, and has them logged. */
  readonly monitoring: Pick<Monitoring, 'refuse' | 'reportLogin'>;
}

/** Bytes of the form to log in. The longest token has 16 KiB. */
const MAX_FORM_BYTES = 20 * 1024;

const LOGIN = '/page/login';
const LOGOUT = '/page/logout';
const OIDC = '/page/oidc';

/** The field with a sender's key or token. */
const CREDENTIAL = 'credential';

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

const NOT_VALID = 'The key or token is not valid';
const NOT_DECIDED = 'The key or token cannot be checked now. Try again later.';

/** Reasons with details about the header of a request, which no one has typed here. */
const FORMS: ReadonlySet<Reason> = new Set(['missing', 'scheme']);

/** A login that is refused: the form with a message, and the line in the log, which has no secret. */
interface RefusedLogin {
  readonly status: 403 | 429 | 503;
  readonly message: string;
  readonly logged: string;
}

const TOO_MANY_ATTEMPTS: RefusedLogin = { status: 429, message: TOO_MANY, logged: 'too many attempts' };

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
    const { sessions, oidc, senders } = this.#parts;
    const ways = { passwords: sessions.takesPasswords, provider: oidc?.address, senders: senders?.ways };
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
    if (!ofProvider || !oidc) answered = this.#handleForm(request, response, path, requestId);
    else if (path === OIDC) answered = this.#begin(oidc, request, response, requestId);
    else answered = this.#finish(oidc, request, response, query, requestId);
    answered.catch(() => response.destroy());
  }

  async #handleForm(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    requestId: string,
  ): Promise<void> {
    const { sessions, senders, clientOf } = this.#parts;
    const form = await formOf(request);
    const credential = form.get(CREDENTIAL);
    let login: string | RefusedLogin;
    if (path === LOGOUT) login = sessions.logout(request);
    else {
      // The connection may be gone when the login is decided.
      const { address } = clientOf(request);
      login =
        credential === null || !senders
          ? await this.#loginUser(form, address)
          : await this.#loginSender(senders, credential, request, address);
    }
    if (typeof login === 'string') {
      writePage(response, 303, { location: `${this.#rootPath}/`, 'set-cookie': login }, '');
    } else this.#refuse(login, request, response, requestId);
  }

  /** The cookie of a user with a password. */
  async #loginUser(form: URLSearchParams, address: string): Promise<string | RefusedLogin> {
    const { sessions } = this.#parts;
    const name = form.get('name') ?? '';
    const login = await sessions.login(name, form.get('password') ?? '', address);
    if (login === 'too-many') return TOO_MANY_ATTEMPTS;
    if (login !== 'wrong') return login.cookie;
    // A name that is unknown is not logged: people also type their password there.
    const logged = sessions.hasUser(name) ? `the password of ${name} is wrong` : 'the name is unknown';
    return { status: 403, message: 'Name or password is wrong.', logged };
  }

  /** The cookie of a sender. */
  async #loginSender(
    senders: PageSenders,
    credential: string,
    request: IncomingMessage,
    address: string,
  ): Promise<string | RefusedLogin> {
    const { sessions } = this.#parts;
    if (sessions.isBarred(address)) return TOO_MANY_ATTEMPTS;
    const found = await senders.recognise(credential, request);
    if ('sender' in found) return sessions.beginOfSender(found);
    const { reason, refusal: told, detail } = found;
    const details = typeof told.details === 'string' ? [told.details] : [];
    const logged = [told.message, ...details, ...(detail === undefined ? [] : [detail])].join(': ');
    if (reason === 'unavailable') return { status: 503, message: NOT_DECIDED, logged };
    sessions.countFailureOf(address);
    const [why] = FORMS.has(reason) ? [] : details;
    return { status: 403, message: `${NOT_VALID}${why === undefined ? '.' : `: ${why}`}`, logged };
  }

  async #begin(
    oidc: PageOidc,
    request: IncomingMessage,
    response: ServerResponse,
    requestId: string,
  ): Promise<void> {
    const begun = await oidc.begin();
    if ('failure' in begun) this.#refuse(atProvider(begun), request, response, requestId);
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
      this.#refuse(atProvider(found), request, response, requestId);
      return;
    }
    response.setHeader('set-cookie', [sessions.begin(found.user), oidc.endCookie]);
    writeHtml(response, 200, loggedInDocument(this.#rootPath));
  }

  #refuse(
    { status, message, logged }: RefusedLogin,
    request: IncomingMessage,
    response: ServerResponse,
    requestId: string,
  ): void {
    const reason: Refusal = refusal(CODES[status], `No login to the page: ${logged}`);
    this.#parts.monitoring.reportLogin(request, requestId, reason);
    this.show(response, status, message);
  }
}

function atProvider({ failure, detail }: PageLoginFailure): RefusedLogin {
  const [status, message] = FAILURES[failure];
  return { status, message, logged: detail };
}

/** The fields of a form. Rejects if the form is longer, and closes its connection. */
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
