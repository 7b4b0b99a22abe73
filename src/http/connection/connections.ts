/** The open connections: the requests in flight on each, and how they are closed when the proxy stops. */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Exchange } from '../exchange.ts';
import type { Connection } from './connection.ts';
import { ConnectionRoom } from './connection-room.ts';

/**
 * Most requests in flight on one connection. A client that sends requests and does not read the answers would have the
 * proxy hold all of them. No OpenLineage client sends a second request before the first is answered.
 */
const MAX_IN_FLIGHT = 100;

/**
 * Most requests of one connection that are handled at the same time. Each may hold an answer of 64 KiB. The others wait
 * until the kernel has taken the answers before them.
 */
const MAX_HANDLED = 8;

/** Bytes of answers that the kernel has not taken, above which no further request of the connection is handled. */
const MAX_UNREAD_BYTES = 64 * 1024;

/** Milliseconds between two polls for clients that do not read their answers. */
const UNREAD_INTERVAL_MS = 2000;

/** Milliseconds between two polls for connections that can be closed, during the drain. */
const POLL_INTERVAL_MS = 20;

export class Connections {
  readonly #states = new Map<Duplex, Connection>();
  readonly #room: ConnectionRoom;
  /** The TCP sockets beneath TLS, by address and port of their peer. */
  readonly #handshakes = new Map<string, Connection>();
  #draining = false;
  #poll: NodeJS.Timeout | undefined;

  /** `limit` is the number of connections that may be open at once. */
  constructor(limit: number) {
    this.#room = new ConnectionRoom(limit);
  }

  /**
   * Counts a connection that was accepted. At the limit it closes an idle one for it, and calls `isFull`.
   * Returns false if there is no room for the connection.
   */
  enter(socket: Socket, isFull: () => void): boolean {
    if (this.#room.isFull) {
      isFull();
      if (!this.#room.makeRoom(this.#states.values())) return false;
    }
    this.#room.enter(socket);
    return true;
  }

  /** Adds an open connection, until it closes. `carriesRequests` is false for the TCP socket beneath TLS. */
  add(socket: Socket, carriesRequests: boolean): void {
    const idleSince = performance.now();
    const counters = { inFlight: 0, unreadSince: 0, bytesRead: 0 };
    const state = { socket, carriesRequests, idleSince, isUsed: false, waiting: [], ...counters };
    const peer = `${socket.remoteAddress ?? ''} ${socket.remotePort ?? ''}`;
    this.#states.set(socket, state);
    this.#room.unused(state);
    if (carriesRequests) {
      // The TLS connection is now the one that is unused, and no longer the TCP socket beneath it.
      const beneath = this.#handshakes.get(peer);
      if (beneath) this.#room.used(beneath);
    } else this.#handshakes.set(peer, state);
    socket.once('close', () => {
      this.#states.delete(socket);
      this.#room.used(state);
      if (!carriesRequests) this.#handshakes.delete(peer);
    });
  }

  /**
   * From now on a connection is cut if its client leaves answers unread for `limitMs` milliseconds.
   * 0: for any time. A client that reads, but less than an answer in that time, occupies memory just as well.
   */
  cutUnread(limitMs: number): void {
    if (limitMs === 0) return;
    this.#poll = setInterval(() => this.#cutUnread(limitMs), UNREAD_INTERVAL_MS).unref();
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
    if (!state.isUsed) {
      state.isUsed = true;
      this.#room.used(state);
    }
    state.inFlight += 1;
    state.latest = exchange;
    return state;
  }

  /**
   * Handles a request that has begun, now or when the answers before it are read. Without this, a client that sends
   * requests and does not read the answers would have the proxy hold all of them.
   */
  handle(state: Connection, dispatch: () => void): void {
    if (state.waiting.length === 0 && mayHandle(state.socket, state.inFlight - 1)) dispatch();
    else state.waiting.push(dispatch);
  }

  /** A request has been answered. `state` is the result of `begin`. */
  end(state: Connection): void {
    state.inFlight -= 1;
    state.unreadSince = 0;
    if (closesAfterLatest(state)) state.isClosing = true;
    state.idleSince = performance.now();
    // Reading it has a cost, and only the drain needs it.
    if (this.#draining) state.bytesRead = state.socket.bytesRead;
    if (state.answerBroken && isTurnOfBroken(state)) state.answerBroken();
    if (state.inFlight === 0) state.latest = undefined;
    if (state.waiting.length > 0) handleWaiting(state);
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
    clearInterval(this.#poll);
  }

  #cutUnread(limitMs: number): void {
    const now = performance.now();
    for (const state of this.#states.values()) {
      const { socket, unreadSince } = state;
      if (socket.writableLength === 0) state.unreadSince = 0;
      else if (unreadSince === 0) state.unreadSince = now;
      else if (now - unreadSince >= limitMs) socket.destroy();
    }
  }
}

/** True if one more request may be handled beside `handled` others. Nearly all requests are alone. */
function mayHandle(socket: Socket, handled: number): boolean {
  return handled === 0 || (handled < MAX_HANDLED && socket.writableLength < MAX_UNREAD_BYTES);
}

/** Handles the next waiting requests, in their order. */
function handleWaiting(state: Connection): void {
  const { socket, waiting } = state;
  // After an answer that closes the connection, the client must send them again (RFC 9112 §9.6).
  while (waiting.length > 0 && socket.writable) {
    if (!mayHandle(socket, state.inFlight - waiting.length)) return;
    waiting.shift()?.();
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
