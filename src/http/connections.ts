/** The open connections, and how they are let go when the proxy stops. */
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

interface State {
  /** Requests begun and not yet answered; more than one when pipelined. */
  inHand: number;
  idleSince: number;
  /** `socket.bytesRead` when it fell idle: more than that, and the head of a request is on its way. */
  bytesRead: number;
}

/** Milliseconds between looks at which connections may go. */
const LOOK_INTERVAL_MS = 20;

export class Connections {
  readonly #states = new Map<Socket, State>();

  add(socket: Socket): void {
    this.#states.set(socket, { inHand: 0, idleSince: performance.now(), bytesRead: 0 });
    socket.once('close', () => this.#states.delete(socket));
  }

  /** A request has begun. */
  begin(socket: Socket): void {
    const state = this.#states.get(socket);
    if (state) state.inHand += 1;
  }

  /** A request has been answered. */
  end(socket: Socket): void {
    const state = this.#states.get(socket);
    if (!state) return;
    state.inHand -= 1;
    state.idleSince = performance.now();
    state.bytesRead = socket.bytesRead;
  }

  /** Resolves when none is left: each goes once it has been idle for `idleMs`, all after `timeoutMs`. */
  async drain(idleMs: number, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (this.#states.size > 0) {
      const now = performance.now();
      for (const [socket, { inHand, idleSince, bytesRead }] of this.#states) {
        const idle = inHand === 0 && socket.bytesRead === bytesRead && now - idleSince >= idleMs;
        if (idle || now >= deadline) socket.destroy();
      }
      await sleep(LOOK_INTERVAL_MS);
    }
  }
}
