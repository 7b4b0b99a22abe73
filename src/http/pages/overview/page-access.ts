/**
 * Who may see the page: by default only the machine of the proxy itself. A peer address of the loopback is not enough: a
 * reverse proxy on the machine has one, too. It adds a header that says so, or it is configured wrongly.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { isOfOtherOrigin } from '../../cors.ts';
import type { ClientOf } from '../../origin.ts';
import type { PageSessions } from './page-sessions.ts';

/** What a request may have of the page. */
export type Access =
  /** `user` is undefined if no login was necessary. */
  | { readonly kind: 'seen'; readonly user: string | undefined }
  /** Only the form to log in. */
  | { readonly kind: 'login' }
  | { readonly kind: 'hidden' };

export interface AccessSettings {
  /** Every client that reaches the listener may see the page, unless there are users. */
  readonly open: boolean;
  readonly https: boolean;
}

export interface AccessParts {
  /** Undefined without users. */
  readonly sessions: PageSessions | undefined;
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

const SEEN: Access = { kind: 'seen', user: undefined };
const HIDDEN: Access = { kind: 'hidden' };
const LOGIN: Access = { kind: 'login' };

export class PageAccess {
  readonly #settings: AccessSettings;
  readonly #parts: AccessParts;

  constructor(settings: AccessSettings, parts: AccessParts) {
    this.#settings = settings;
    this.#parts = parts;
  }

  accessOf(request: IncomingMessage): Access {
    if (this.isOfOtherPage(request)) return HIDDEN;
    const { sessions } = this.#parts;
    if (this.#isOfThisMachine(request)) return SEEN;
    if (sessions) {
      const user = sessions.userOf(request);
      return user === undefined ? LOGIN : { kind: 'seen', user };
    }
    return this.#settings.open ? SEEN : HIDDEN;
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
