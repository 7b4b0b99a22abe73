/**
 * Senders who see the page, with the credential that they post with. It is checked again for each request, and while a
 * stream is open: a session never outlives the key that it began with, and has the limits of now.
 */
import type { IncomingMessage } from 'node:http';
import type { Authenticator } from '../../../auth/authenticator.ts';
import type { Finding, Rejection, Sender } from '../../../auth/sender.ts';
import type { Senders } from '../../../auth/senders.ts';
import type { KnownSender } from '../../../pipeline/arrival.ts';

/** What recognises senders, and knows the limits of each now. */
export interface PageAuthentication {
  readonly authenticator: Pick<Authenticator, 'find'>;
  readonly senders: { readonly senders: Pick<Senders, 'limitsOf'> };
}

/** What a sender has logged in with. */
export interface SenderLogin {
  readonly sender: Sender;
  /** As in the header of a request that posts events. Undefined for the certificate of the connection. */
  readonly authorization: string | undefined;
}

/** Whether a session of a sender still is what it was. */
export type SessionState =
  | { readonly known: KnownSender }
  /** `isOver`: the session ends. Otherwise it only shows nothing now. */
  | { readonly known?: undefined; readonly isOver: boolean };

export class PageSenders {
  /** Whether a key or a token can be typed in, and whether a certificate of the connection counts. */
  readonly ways: { readonly keys: boolean; readonly certificates: boolean };
  readonly #authentication: PageAuthentication;

  constructor(authentication: PageAuthentication, ways: PageSenders['ways']) {
    this.#authentication = authentication;
    this.ways = ways;
  }

  /** The sender of a key or a token as someone has typed it; '' for the certificate of the connection. Never rejects. */
  async recognise(typed: string, request: IncomingMessage): Promise<Rejection | SenderLogin> {
    const authorization = authorizationOf(typed);
    const { sender, rejection } = await this.#find(authorization, request);
    return sender ? { sender, authorization } : rejection;
  }

  /** How a session of a sender stands. At once, unless the credential must be checked elsewhere again. */
  stateOf(login: SenderLogin, request: IncomingMessage): SessionState | Promise<SessionState> {
    const found = this.#find(login.authorization, request);
    return found instanceof Promise
      ? found.then((finding) => this.#judge(login, finding))
      : this.#judge(login, found);
  }

  #judge({ sender: before }: SenderLogin, { sender, rejection }: Finding): SessionState {
    // Not decided now, or a connection without the certificate of the session: another request may show the page.
    if (rejection) return { isOver: !['unavailable', 'missing'].includes(rejection.reason) };
    // The file may have given the key to another sender.
    if (sender.way !== before.way || sender.name !== before.name) return { isOver: true };
    return { known: { sender, limits: this.#authentication.senders.senders.limitsOf(sender) } };
  }

  #find(authorization: string | undefined, { socket }: IncomingMessage): Finding | Promise<Finding> {
    return this.#authentication.authenticator.find(authorization, socket);
  }
}

/** People also copy the word that is before the token in a header. */
function authorizationOf(typed: string): string | undefined {
  const text = typed.trim();
  if (text === '') return undefined;
  return /^bearer /i.test(text) ? text : `Bearer ${text}`;
}
