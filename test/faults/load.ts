import { setTimeout as sleep } from 'node:timers/promises';
import type { EventBodies } from './event-bodies.ts';
import type { Ledger } from './ledger.ts';
import { PostingConnection } from './posting-connection.ts';

// Far longer than the proxy may take: a sender that waits so long has found a hang.
const ANSWER_MS = 30_000;
const AGAIN_MS = 50;

export interface LoadOptions {
  readonly port: number;
  readonly ledger: Ledger;
  readonly bodies: EventBodies;
  readonly posters: number;
  /** Events a second of all posters together. By default each posts its next event right after the last answer. */
  readonly perSecond?: number | undefined;
}

/**
 * Senders that post START, RUNNING and COMPLETE of one job after the other and wait for each answer, as clients do. After a
 * broken connection a sender posts the same event again until it is answered. After a refusal it goes on to the next event.
 */
export class Load {
  readonly #options: LoadOptions;
  readonly #posters: Promise<void>[];
  readonly #beginning = performance.now();
  #stopping = false;
  /** Posts without an answer within half a minute on an open connection. */
  hanging = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#posters = Array.from({ length: options.posters }, (_, index) => this.#run(index));
  }

  #isStopping(): boolean {
    return this.#stopping;
  }

  /** Resolves when each sender has the answer to its last event, or has given up because the proxy is gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#posters);
  }

  async #run(index: number): Promise<void> {
    const { bodies, ledger, posters, perSecond, port } = this.#options;
    const intervalMs = perSecond === undefined ? 0 : (posters / perSecond) * 1000;
    // The starts spread over the first interval. Otherwise all senders would always post at once.
    let dueAt = this.#beginning + (index / posters) * intervalMs;
    let connection = new PostingConnection(port);
    for (;;) {
      for (const sequence of ledger.nextJob()) {
        // A late sender does not wait until it has caught up.
        const waitMs = dueAt - performance.now();
        if (waitMs > 1) await sleep(waitMs);
        if (this.#isStopping()) {
          connection.close();
          return;
        }
        const body = bodies.bodyOf(sequence);
        while (!(await this.#post(connection, sequence, body))) {
          connection.close();
          if (this.#isStopping()) return;
          await sleep(AGAIN_MS);
          connection = new PostingConnection(port);
        }
        if (!connection.usable) connection = new PostingConnection(port);
        dueAt += intervalMs;
      }
    }
  }

  /** Posts an event. Gives false when there was no answer. */
  async #post(connection: PostingConnection, sequence: number, body: Buffer): Promise<boolean> {
    const { ledger } = this.#options;
    const startedAt = performance.now();
    try {
      const { status, delivery, head } = await connection.post(body, ANSWER_MS);
      ledger.answered(sequence, status, delivery, performance.now() - startedAt);
      if (status === 503 && !/\r\nretry-after: 1(\r|$)/i.test(head)) ledger.refusedWithoutRetryAfter += 1;
      return true;
    } catch {
      if (performance.now() - startedAt >= ANSWER_MS) this.hanging += 1;
      ledger.resent(sequence);
      return false;
    }
  }
}
