/** The open connections, and how they are let go when the proxy stops. */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Exchange } from '../exchange.ts';

/** A connection, and what is going on on it. */
export interface Connection {
  readonly socket: Socket;
  /** False for the socket beneath TLS: nothing is ever in hand on it. */
  readonly carriesRequests: boolean;
  /** Requests begun and not yet answered; more than one when pipelined. */
  inHand: number;
  idleSince: number;
  /** `socket.bytesRead` when it fell idle, or was last seen to be: more than that, and a request is on its way. */
  bytesRead: number;
  /** The request begun last, while any is in hand. */
  latest?: Exchange | undefined;
  /** Set once what came was no request: answers that, when it is its turn. */
  answerBroken?: () => void;
  /** An answer has said that the connection is closed after it. */
  isClosing?: true;
}

/**
 * Requests on one connection that wait for their answers, at most: whoever sends them without reading what comes back would have
 * the proxy hold all their answers. No client of OpenLineage sends a second one before the first is answered.
 */
const MAX_IN_HAND = 100;

/** Milliseconds between looks at which connections may go. */
const LOOK_INTERVAL_MS = 20;

export class Connections {
  readonly #states = new Map<Duplex, Connection>();
  #draining = false;

  add(socket: Socket, carriesRequests: boolean): void {
    const idleSince = performance.now();
    this.#states.set(socket, { socket, carriesRequests, inHand: 0, idleSince, bytesRead: 0 });
    socket.once('close', () => this.#states.delete(socket));
  }

  /**
   * A request has begun. Undefined where it must not be taken: the connection is about to be closed (RFC 9112 §9.6), after
   * an answer that came before the end of its request, or after what was no request, so that this may be part of it.
   * `crowded` where too many wait already.
   */
  begin(socket: Socket, exchange: Exchange): Connection | 'crowded' | undefined {
    const state = this.#states.get(socket);
    if (!state || state.answerBroken || state.isClosing || isLast(state)) return undefined;
    if (state.inHand >= MAX_IN_HAND) return 'crowded';
    state.inHand += 1;
    state.latest = exchange;
    return state;
  }

  /** A request has been answered, on a connection that `begin` has told of. */
  end(state: Connection): void {
    state.inHand -= 1;
    if (isLast(state)) state.isClosing = true;
    state.idleSince = performance.now();
    // Asking costs, and nobody wants to know before the end.
    if (this.#draining) state.bytesRead = state.socket.bytesRead;
    if (state.answerBroken && isTurnOfBroken(state)) state.answerBroken();
    if (state.inHand === 0) state.latest = undefined;
  }

  /**
   * What came last on a connection was no whole request. Has it answered, once, after the requests before it; `answer` is
   * given the request whose head had come, if it had. False for a connection that is not known.
   */
  fail(socket: Duplex, answer: (exchange: Exchange | undefined) => void): boolean {
    const state = this.#states.get(socket);
    if (!state) return false;
    if (state.answerBroken) return true;
    const broken = arriving(state);
    state.answerBroken = () => {
      // Refused by its head alone, it has had its answer.
      if (broken?.response.headersSent !== true) answer(broken);
    };
    if (isTurnOfBroken(state)) state.answerBroken();
    return true;
  }

  /**
   * Nothing has moved on a connection for as long as may be: it goes, be it idle, or because nobody reads the answers. It stays where a
   * request waits for Kafka or the disk, which has a limit of its own.
   */
  timeOut(socket: Socket): void {
    const waits = this.#states.get(socket)?.inHand ?? 0;
    if (waits === 0 || socket.writableLength > 0) socket.destroy();
  }

  /** Resolves when none is left: each goes once it has been idle for `idleMs`, all after `timeoutMs`. */
  async drain(idleMs: number, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    this.#draining = true;
    for (const state of this.#states.values()) state.bytesRead = state.socket.bytesRead;
    while (this.#states.size > 0) {
      const now = performance.now();
      const states = [...this.#states.values()];
      // With the one beneath it TLS would go, and the request in hand: those that are left alone have not shaken hands.
      const onlyBeneath = !states.some(({ carriesRequests }) => carriesRequests);
      for (const { socket, carriesRequests, inHand, idleSince, bytesRead } of states) {
        const idle = inHand === 0 && socket.bytesRead === bytesRead && now - idleSince >= idleMs;
        if ((idle && (carriesRequests || onlyBeneath)) || now >= deadline) socket.destroy();
      }
      await sleep(LOOK_INTERVAL_MS);
    }
  }
}

/** Is no request taken after the latest? Not known before its answer is begun. */
function isLast({ latest }: Connection): boolean {
  return latest?.response.headersSent === true && !latest.response.shouldKeepAlive;
}

/** The request whose head has come, but not yet all of its body. */
function arriving({ latest }: Connection): Exchange | undefined {
  return latest?.request.complete === false ? latest : undefined;
}

function isTurnOfBroken(state: Connection): boolean {
  return state.inHand === (arriving(state) ? 1 : 0);
}
