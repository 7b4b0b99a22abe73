/**
 * Who may see the page: by default only the machine of the proxy itself. A peer address of the loopback is not enough: a
 * reverse proxy on the machine has one, too. It adds a header that says so, or it is configured wrongly.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { isOfOtherOrigin } from '../../cors.ts';
import type { KnownSender } from '../../../pipeline/arrival.ts';
import type { ClientOf } from '../../origin.ts';
import type { PageSenders, SessionState } from './page-senders.ts';
import type { PageSessions, Session } from './page-sessions.ts';

/** What a request may have of the page. */
export type Access =
  | Seen
  /** Only the form to log in. */
  | { readonly kind: 'login' }
  | { readonly kind: 'hidden' };

export type MayGoOn = 'yes' | 'no' | 'undecided';

export interface Seen {
  readonly kind: 'seen';
  /** Undefined if no login was necessary. */
  readonly user: string | undefined;
  /** A sender sees its own part only. Undefined for those who see all. */
  readonly sender: KnownSender | undefined;
}

export interface AccessSettings {
  /** Every client that reaches the listener may see the page, unless there are users. */
  readonly open: boolean;
  readonly https: boolean;
}

export interface AccessParts {
  /** Undefined if no one can log in. */
  readonly sessions: PageSessions | undefined;
  /** Undefined if senders cannot log in. */
  readonly senders: PageSenders | undefined;
  readonly clientOf: ClientOf;
  readonly hostsOf: (request: IncomingMessage) => readonly string[];
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');

/** Headers by which a server on the way says that it forwards. All that begin with `x-forwarded-` do so as well. */
const FORWARDING: readonly string[] = [
  'forwarded',
  'via',
  'x-real-ip',
  'x-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'x-original-forwarded-for',
  'x-envoy-external-address',
];

const SEEN: Access = { kind: 'seen', user: undefined, sender: undefined };
const HIDDEN: Access = { kind: 'hidden' };
const LOGIN: Access = { kind: 'login' };

export class PageAccess {
  readonly #settings: AccessSettings;
  readonly #parts: AccessParts;

  constructor(settings: AccessSettings, parts: AccessParts) {
    this.#settings = settings;
    this.#parts = parts;
  }

  /** Whether a request may have nothing of the page. */
  isHidden(request: IncomingMessage): boolean {
    if (this.isOfOtherPage(request)) return true;
    const isOpen = this.#parts.sessions !== undefined || this.#settings.open;
    return !isOpen && !this.#isOfThisMachine(request);
  }

  /** At once, unless the credential of a sender must be checked elsewhere again. The promise never rejects. */
  accessOf(request: IncomingMessage): Access | Promise<Access> {
    if (this.isHidden(request)) return HIDDEN;
    const { sessions, senders } = this.#parts;
    if (sessions === undefined || this.#isOfThisMachine(request)) return SEEN;
    const session = sessions.sessionOf(request);
    if (session === undefined) return LOGIN;
    const { user, sender } = session;
    if (sender === undefined) return { kind: 'seen', user, sender };
    const state = senders?.stateOf(sender, request);
    if (!(state instanceof Promise)) return this.#ofSender(request, session, state);
    return state.then((now) => this.#ofSender(request, session, now));
  }

  /**
   * Tells whether a stream may go on. One with other limits than those of now ends: the browser opens the next one, and has
   * the rows of it only. A credential that must be checked elsewhere is `undecided` until it is; each later call has the
   * result of the check that the call before has begun.
   */
  mayGoOnOf(request: IncomingMessage, { sender: before }: Seen): () => MayGoOn {
    const judge = (now: Access): MayGoOn =>
      now.kind === 'seen' && now.sender?.limits === before?.limits ? 'yes' : 'no';
    let isChecking = false;
    let checked: MayGoOn = 'undecided';
    return () => {
      if (isChecking) return 'undecided';
      const now = this.accessOf(request);
      if (!(now instanceof Promise)) return judge(now);
      isChecking = true;
      const last = checked;
      void now.then((access) => {
        checked = judge(access);
        isChecking = false;
      });
      return last;
    };
  }

  #ofSender(request: IncomingMessage, { user }: Session, state: SessionState | undefined): Access {
    if (state?.known) return { kind: 'seen', user, sender: state.known };
    if (state?.isOver !== false) this.#parts.sessions?.logout(request);
    return LOGIN;
  }

  /** A page of another origin has a browser send the request. To follow a link from it is no such request. */
  isOfOtherPage(request: IncomingMessage): boolean {
    const { headers, method } = request;
    const isNavigation =
      method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers.origin === undefined;
    return !isNavigation && isOfOtherOrigin(headers, this.#parts.hostsOf(request), this.#settings.https);
  }

  #isOfThisMachine(request: IncomingMessage): boolean {
    const { headers } = request;
    return (
      isLoopback(this.#parts.clientOf(request).address) && !isForwarded(headers) && isCalledLocal(headers)
    );
  }
}

function isLoopback(address: string): boolean {
  const version = isIP(address);
  return version !== 0 && LOOPBACK.check(address, version === 4 ? 'ipv4' : 'ipv6');
}

function isForwarded(headers: IncomingHttpHeaders): boolean {
  for (const name in headers) if (name.startsWith('x-forwarded-') || FORWARDING.includes(name)) return true;
  return false;
}

/**
 * True if the client has called the proxy by a name of this machine. A page elsewhere can have a browser on this machine ask for
 * its own name, which it then points at 127.0.0.1 (DNS rebinding). `Host` still has that name.
 */
function isCalledLocal({ host = '' }: IncomingHttpHeaders): boolean {
  const name = host
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
  return name === 'localhost' || name.endsWith('.localhost') || isLoopback(name);
}
