/** The open connections: the requests in flight on each, and how they are closed when the proxy stops. */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Exchange } from '../exchange.ts';

/** The state of a connection. */
export interface Connection {
  readonly socket: Socket;
  /** False for the TCP socket beneath TLS: it never has a request in flight. */
  readonly carriesRequests: boolean;
  /** Requests that have begun and are not answered yet. More than one if the client pipelines. */
  inFlight: number;
  /** When the last request ended, or the connection began: milliseconds of `performance.now()`. */
  idleSince: number;
  /** `socket.bytesRead` when the connection became idle or the drain began. If it grows, a request is arriving. */
  bytesRead: number;
  /** The request that began last, while any request is in flight. */
  latest?: Exchange | undefined;
  /** Set once the client has sent a broken request. Answers it, after all requests before it. */
  answerBroken?: () => void;
  /** Set once an answer with `Connection: close` has been sent. */
  isClosing?: true;
}

/**
 * Most requests in flight on one connection. A client that sends requests and does not read the answers would have the
 * proxy hold all of them. No OpenLineage client sends a second request before the first is answered.
 */
const MAX_IN_FLIGHT = 100;

/** Milliseconds between two polls for connections that can be closed, during the drain. */
const POLL_INTERVAL_MS = 20;

export class Connections {
  readonly #states = new Map<Duplex, Connection>();
  #draining = false;

  /** Adds an open connection, until it closes. `carriesRequests` is false for the TCP socket beneath TLS. */
  add(socket: Socket, carriesRequests: boolean): void {
    const idleSince = performance.now();
    this.#states.set(socket, { socket, carriesRequests, inFlight: 0, idleSince, bytesRead: 0 });
    socket.once('close', () => this.#states.delete(socket));
  }

  /**
   * Registers a request that has begun. Returns `too-many` if `MAX_IN_FLIGHT` requests are in flight on its connection.
   * Returns undefined if the proxy must ignore the request, because its connection will be closed (RFC 9112 §9.6).
   * That is so after an answer that closes it, and after a broken request: these bytes may be part of that one.
   */
  begin(socket: Socket, exchange: Exchange): Connection | 'too-many' | undefined {
    const state = this.#states.get(socket);
    if (!state || state.answerBroken || state.isClosing || closesAfterLatest(state)) return undefined;
    if (state.inFlight >= MAX_IN_FLIGHT) return 'too-many';
    state.inFlight += 1;
    state.latest = exchange;
    return state;
  }

  /** A request has been answered. `state` is the result of `begin`. */
  end(state: Connection): void {
    state.inFlight -= 1;
    if (closesAfterLatest(state)) state.isClosing = true;
    state.idleSince = performance.now();
    // Reading it has a cost, and only the drain needs it.
    if (this.#draining) state.bytesRead = state.socket.bytesRead;
    if (state.answerBroken && isTurnOfBroken(state)) state.answerBroken();
    if (state.inFlight === 0) state.latest = undefined;
  }

  /**
   * Registers a broken request, the last on its connection. Calls `answer` once, after all requests before it are
   * answered; with the exchange, if the head had arrived. Returns false for an unknown connection.
   */
  fail(socket: Duplex, answer: (exchange: Exchange | undefined) => void): boolean {
    const state = this.#states.get(socket);
    if (!state) return false;
    if (state.answerBroken) return true;
    const broken = arriving(state);
    state.answerBroken = () => {
      // A request that was refused by its head alone already has its answer.
      if (broken?.response.headersSent !== true) answer(broken);
    };
    if (isTurnOfBroken(state)) state.answerBroken();
    return true;
  }

  /**
   * Closes a connection without traffic, if it is idle or its client does not read the answers.
   * It stays open while a request waits for Kafka or the disk, because that wait has its own limit.
   */
  timeOut(socket: Socket): void {
    const inFlight = this.#states.get(socket)?.inFlight ?? 0;
    if (inFlight === 0 || socket.writableLength > 0) socket.destroy();
  }

  /** Closes each connection once it is idle for `idleMs`, and all after `timeoutMs`. Resolves when none is left. */
  async drain(idleMs: number, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    this.#draining = true;
    for (const state of this.#states.values()) state.bytesRead = state.socket.bytesRead;
    while (this.#states.size > 0) {
      const now = performance.now();
      const states = [...this.#states.values()];
      // Closing a TCP socket would also close the TLS on it, with its request in flight.
      // If no TLS connection is left, the remaining sockets have not completed their handshake.
      const noneCarriesRequests = !states.some(({ carriesRequests }) => carriesRequests);
      for (const { socket, carriesRequests, inFlight, idleSince, bytesRead } of states) {
        const idle = inFlight === 0 && socket.bytesRead === bytesRead && now - idleSince >= idleMs;
        if ((idle && (carriesRequests || noneCarriesRequests)) || now >= deadline) socket.destroy();
      }
      await sleep(POLL_INTERVAL_MS);
    }
  }
}

/** True if the answer to the latest request closes the connection. Not known before that answer begins. */
function closesAfterLatest({ latest }: Connection): boolean {
  return latest?.response.headersSent === true && !latest.response.shouldKeepAlive;
}

/** The request with an incomplete body, if there is one. */
function arriving({ latest }: Connection): Exchange | undefined {
  return latest?.request.complete === false ? latest : undefined;
}

/** True if all requests before the broken one are answered. */
function isTurnOfBroken(state: Connection): boolean {
  return state.inFlight === (arriving(state) ? 1 : 0);
}
