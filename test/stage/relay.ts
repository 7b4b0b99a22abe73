import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Broker, BrokerOptions } from '../../tools/kafka/broker.ts';
import { freePorts } from '../../tools/kafka/ports.ts';

/** How the network behaves. By default as a local network does. */
export interface Weather {
  /** Milliseconds of delay in each direction. */
  readonly delayMs?: number;
  /** Limit for all connections together, towards the broker. */
  readonly bytesPerSecond?: number;
}

// Produce requests of many events are larger than this; requests for metadata are smaller.
const LARGE_BYTES = 8192;

/** A broker behind a network that can be slow, stop, or change bytes. */
export function relayed(
  start: (options: BrokerOptions) => Promise<Broker>,
): Promise<{ broker: Broker; relay: Relay; bootstrapServers: string }> {
  return relayedBy((port, targetPort) => Relay.listen(port, targetPort), start);
}

/**
 * A broker behind a relay. `bootstrapServers` is the address of the relay: clients that use it never reach the broker directly.
 * The tools reach the broker at its own port.
 * @param listen starts the relay, @param start the broker.
 */
export async function relayedBy<AnyRelay>(
  listen: (port: number, targetPort: () => number) => Promise<AnyRelay>,
  start: (options: BrokerOptions) => Promise<Broker>,
): Promise<{ broker: Broker; relay: AnyRelay; bootstrapServers: string }> {
  const [port = 0, relayPort = 0] = await freePorts(2);
  const bootstrapServers = `127.0.0.1:${relayPort}`;
  let target = 0;
  const relay = await listen(relayPort, () => target);
  const broker = await start({
    port,
    listeners: { RELAY: 'PLAINTEXT' },
    properties: { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},RELAY://${bootstrapServers}` },
  });
  target = Number(broker.listeners['RELAY']?.split(':')[1]);
  return { broker, relay, bootstrapServers };
}

/** A TCP relay between the proxy and a broker: a network that can be slow, stop, or change bytes. */
export class Relay {
  readonly port: number;
  readonly #server: Server;
  readonly #targetPort: () => number;
  readonly #pairs = new Set<Pair>();
  #weather: Weather = {};
  /** Time of `performance.now()` at which all bytes sent so far have passed, with `bytesPerSecond`. */
  #busyUntil = 0;
  #toCorrupt = 0;

  /** @param targetPort is called for each connection, as the port of the broker may be unknown at first. */
  static async listen(port: number, targetPort: () => number): Promise<Relay> {
    const server = createServer({ noDelay: true });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new Relay(server, port, targetPort);
  }

  private constructor(server: Server, port: number, targetPort: () => number) {
    this.#server = server;
    this.port = port;
    this.#targetPort = targetPort;
    server.on('connection', (client) => this.#accept(client));
  }

  /** For all connections, open and new. */
  set weather(weather: Weather) {
    this.#weather = weather;
  }

  /** Changes one byte in each of the next `pieces` large pieces that are sent to the broker. */
  corrupt(pieces: number): void {
    this.#toCorrupt = pieces;
  }

  /** How many of these pieces are still to be changed. */
  get toCorrupt(): number {
    return this.#toCorrupt;
  }

  /** Open connections carry no bytes for `forMs`, or for ever, and stay open. New connections work. */
  stall(forMs?: number): void {
    for (const pair of this.#pairs) {
      pair.stalled = true;
      if (forMs !== undefined) setTimeout(() => pair.resume(), forMs).unref();
    }
  }

  /** Drops what the broker sends on open connections. New connections work. */
  loseAnswers(): void {
    for (const pair of this.#pairs) pair.mute = true;
  }

  close(): void {
    this.#server.close();
    for (const { client, broker } of this.#pairs) {
      client.destroy();
      broker.destroy();
    }
  }

  #accept(client: Socket): void {
    const broker = connect({ port: this.#targetPort(), host: '127.0.0.1', noDelay: true });
    const pair = new Pair(client, broker);
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      client.destroy();
      broker.destroy();
    };
    for (const socket of [client, broker]) {
      socket.on('error', () => undefined);
      // A stalled pair hides the close from the other side, too.
      socket.on('close', () => (pair.stalled ? undefined : end()));
    }
    void this.#forward(pair, client, broker, true);
    void this.#forward(pair, broker, client, false);
  }

  /** Forwards piece by piece, in order. Waiting pieces also hold back the sender, as a slow network does. */
  async #forward(pair: Pair, from: Socket, to: Socket, towardsBroker: boolean): Promise<void> {
    let ready: Promise<unknown> = Promise.resolve();
    let queued = 0;
    from.on('data', (piece: Buffer) => {
      if (towardsBroker) this.#damage(piece);
      else if (pair.mute) return;
      const { delayMs = 0, bytesPerSecond } = this.#weather;
      let dueAt = performance.now() + delayMs;
      if (towardsBroker && bytesPerSecond !== undefined) {
        this.#busyUntil =
          Math.max(this.#busyUntil, performance.now()) + (piece.length / bytesPerSecond) * 1000;
        dueAt += this.#busyUntil - performance.now();
      }
      queued += 1;
      if (queued > 16) from.pause();
      ready = ready.then(async () => {
        const waitMs = dueAt - performance.now();
        if (waitMs > 0) await sleep(waitMs);
        await pair.flows();
        if (!to.destroyed) to.write(piece);
        queued -= 1;
        if (queued <= 8) from.resume();
      });
    });
    await once(from, 'close').catch(() => undefined);
  }

  #damage(piece: Buffer): void {
    if (this.#toCorrupt === 0 || piece.length < LARGE_BYTES) return;
    const at = piece.length >> 1;
    piece[at] = (piece[at] ?? 0) ^ 0x55;
    this.#toCorrupt -= 1;
  }
}

/** A connection from the proxy, and the connection to the broker that belongs to it. */
class Pair {
  readonly client: Socket;
  readonly broker: Socket;
  stalled = false;
  mute = false;
  #resumed = Promise.withResolvers<undefined>();

  constructor(client: Socket, broker: Socket) {
    this.client = client;
    this.broker = broker;
  }

  async flows(): Promise<void> {
    if (this.stalled) await this.#resumed.promise;
  }

  resume(): void {
    this.stalled = false;
    this.#resumed.resolve(undefined);
    this.#resumed = Promise.withResolvers();
    if (this.client.destroyed || this.broker.destroyed) {
      this.client.destroy();
      this.broker.destroy();
    }
  }
}
