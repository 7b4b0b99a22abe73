/**
 * Keeps the number of open connections below a limit. At the limit a new connection takes the place of an idle one, or of
 * a slow one: these must not keep out the clients that have events. It is refused if there is none.
 */
import type { Duplex } from 'node:stream';
import type { Connection } from './connection.ts';

/** Milliseconds of idleness after which a connection may be closed. Java clients reuse one that is idle for up to 5 s. */
const REUSE_MS = 6000;

/**
 * Milliseconds that the body of a request may arrive, or an answer may stay unread, before another client may have the
 * place of its connection. Slow clients must not keep out the others for as long as a request may take.
 */
const SLOW_MS = 5000;

/** Milliseconds between two searches for idle connections. Each search reads all of them. */
const SEARCH_PAUSE_MS = 250;

/** New connections that are checked for bytes that have arrived. */
const MAX_CHECKED = 16;

export class ConnectionRoom {
  readonly #limit: number;
  #open = 0;
  /** Connections without a request so far, the oldest first. */
  readonly #unused = new Set<Connection>();
  /** Connections that the last search found idle or slow, in the order in which they are closed: from the end. */
  #found: Connection[] = [];
  #searchedAt = Number.NEGATIVE_INFINITY;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Number of connections that may be open at once. */
  get limit(): number {
    return this.#limit;
  }

  /** True if there is no room for one connection more. */
  get isFull(): boolean {
    return this.#open >= this.#limit;
  }

  /** A connection has been accepted. It counts until `socket` closes. */
  enter(socket: Duplex): void {
    this.#open += 1;
    socket.once('close', () => (this.#open -= 1));
  }

  /** A connection has had no request so far. */
  unused(connection: Connection): void {
    this.#unused.add(connection);
  }

  /** A connection has its first request, or is closed. */
  used(connection: Connection): void {
    this.#unused.delete(connection);
  }

  /** Closes an idle or slow connection out of `all`. Returns false if none is so for long enough. */
  makeRoom(all: Iterable<Connection>): boolean {
    const victim = this.#silent() ?? this.#longestUseless(all);
    if (!victim) return false;
    this.#unused.delete(victim);
    victim.socket.destroy();
    return true;
  }

  /** The oldest connection that has sent nothing, or else the oldest without a whole request. */
  #silent(): Connection | undefined {
    let oldest: Connection | undefined;
    let checked = 0;
    for (const connection of this.#unused) {
      oldest ??= connection;
      if (connection.socket.bytesRead === 0) return connection;
      checked += 1;
      if (checked === MAX_CHECKED) break;
    }
    return oldest;
  }

  /** The longest idle connection, or else the one that is slow for the longest time. */
  #longestUseless(all: Iterable<Connection>): Connection | undefined {
    const now = performance.now();
    for (;;) {
      const candidate = this.#found.pop();
      if (!candidate) break;
      if (isIdle(candidate, now) || isSlow(candidate, now)) return candidate;
    }
    if (now - this.#searchedAt < SEARCH_PAUSE_MS) return undefined;
    this.#searchedAt = now;
    const connections = [...all];
    const slow = connections.filter((connection) => isSlow(connection, now));
    const idle = connections.filter((connection) => isIdle(connection, now));
    this.#found = [
      ...slow.sort((one, other) => slowSince(other) - slowSince(one)),
      ...idle.sort((one, other) => other.idleSince - one.idleSince),
    ];
    return this.#found.pop();
  }
}

function isIdle({ carriesRequests, inFlight, idleSince, socket }: Connection, now: number): boolean {
  return carriesRequests && inFlight === 0 && now - idleSince >= REUSE_MS && !socket.destroyed;
}

function isSlow(connection: Connection, now: number): boolean {
  const { carriesRequests, inFlight, socket } = connection;
  return carriesRequests && inFlight > 0 && now - slowSince(connection) >= SLOW_MS && !socket.destroyed;
}

/** Since when the body of its request arrives, or its client has left an answer unread. */
function slowSince({ inFlight, latest, unreadSince }: Connection): number {
  if (unreadSince > 0) return unreadSince;
  // The answer to a request before it may be an event's.
  return inFlight === 1 && latest?.request.complete === false ? latest.startedAt : Infinity;
}
