/** Takes the connections of a server before Node's HTTP parser does, and has the time limits of those that it keeps. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { refusal } from '../../errors.ts';
import { takeListeners } from '../connection/taken-listeners.ts';
import { AnswerHeads } from './answer-head.ts';
import { SimpleConnection, type SimpleContext, type SimpleHandler } from './simple-connection.ts';

export interface SimpleSettings {
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  /** The time limits, in milliseconds, have the meaning of those of Node's HTTP server. 0: no limit. */
  readonly keepAliveMs: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** Milliseconds that a connection may have no traffic. */
  readonly silenceMs: number;
}

/** Milliseconds between two checks of the time limits. */
const CHECK_INTERVAL_MS = 1000;

/** Node keeps an idle connection for this much longer than its answers say, for a request that is on its way. */
const KEEP_ALIVE_SLACK_MS = 1000;

const TOO_LATE = refusal('request_timeout');

export class SimpleConnections {
  readonly #settings: SimpleSettings;
  readonly #handler: SimpleHandler;
  readonly #connections = new Set<SimpleConnection>();

  constructor(settings: SimpleSettings, handler: SimpleHandler) {
    this.#settings = settings;
    this.#handler = handler;
  }

  /**
   * From now on the server gets a connection at its first request that is not simple. `event` is that of a connection on
   * which requests arrive. Call it before other listeners are added.
   */
  attach(server: Server, event: 'connection' | 'secureConnection'): void {
    const accept = takeListeners(server, event);
    const context = this.#contextOf(({ socket }) => {
      // Node would keep its parser for ever: the socket has no second event `close`.
      if (socket.destroyed) return;
      accept(socket);
      socket.resume();
    });
    server.on(event, (socket: Socket) => {
      const connection = new SimpleConnection(socket, context);
      this.#connections.add(connection);
      socket.once('close', () => this.#connections.delete(connection));
    });
    const checks = setInterval(() => this.#check(), CHECK_INTERVAL_MS).unref();
    server.once('close', () => clearInterval(checks));
  }

  #contextOf(accept: (connection: SimpleConnection) => void): SimpleContext {
    const { maxHeaderBytes, maxHeaders, keepAliveMs } = this.#settings;
    // As Node's HTTP server writes it.
    const limit = keepAliveMs > 0 ? `Keep-Alive: timeout=${Math.floor(keepAliveMs / 1000)}\r\n` : '';
    const handOver = (connection: SimpleConnection) => {
      this.#connections.delete(connection);
      // Not before Node has done what it does for the bytes that were put back.
      process.nextTick(accept, connection);
    };
    const answerHeads = new AnswerHeads(`Connection: keep-alive\r\n${limit}`);
    return { handler: this.#handler, maxHeaderBytes, maxHeaders, answerHeads, handOver };
  }

  #check(): void {
    const { keepAliveMs, headersTimeoutMs, requestTimeoutMs, silenceMs } = this.#settings;
    const idleMs = keepAliveMs > 0 ? keepAliveMs + KEEP_ALIVE_SLACK_MS : silenceMs;
    const now = performance.now();
    for (const connection of this.#connections) {
      const { state, isUsed, since, socket } = connection;
      const ms = now - since;
      if (state === 'receiving' && isOver(ms, requestTimeoutMs)) connection.refuse(TOO_LATE);
      else if (state === 'waiting' && !isUsed && isOver(ms, headersTimeoutMs)) connection.refuse(TOO_LATE);
      else if (state === 'waiting' && isUsed && isOver(ms, idleMs)) socket.destroy();
    }
  }
}

function isOver(ms: number, limitMs: number): boolean {
  return limitMs > 0 && ms >= limitMs;
}
