import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Broker, BrokerOptions } from '../../tools/kafka/broker.ts';
import { freePorts } from '../../tools/kafka/settings.ts';

/** How the network behaves. What is not named is as good as a local one. */
export interface Weather {
  /** Each way. */
  readonly delayMs?: number;
  /** Of all connections together, towards the broker. */
  readonly bytesPerSecond?: number;
}

// A produce request of many events; anything shorter is a question about the cluster.
const LARGE_BYTES = 8192;

/** A broker that others than the tools are to know behind a relay only, at `bootstrapServers`. `start` starts it. */
export async function relayed(
  start: (options: BrokerOptions) => Promise<Broker>,
): Promise<{ broker: Broker; relay: Relay; bootstrapServers: string }> {
  const [port = 0, relayPort = 0] = await freePorts(2);
  const bootstrapServers = `127.0.0.1:${relayPort}`;
  let target = 0;
  const relay = await Relay.listen(relayPort, () => target);
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
  /** Until when the line is taken by what has been sent already, of `performance.now()`. */
  #busyUntil = 0;
  #toCorrupt = 0;

  /** @param targetPort is asked at each connection, as the broker's port may be known later only. */
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

  /** Of all connections, those that stand and those that come. */
  set weather(weather: Weather) {
    this.#weather = weather;
  }

  /** Changes a byte in each of so many of the next large pieces that are sent to the broker. */
  corrupt(pieces: number): void {
    this.#toCorrupt = pieces;
  }

  /** How many of them are still to come. */
  get toCorrupt(): number {
    return this.#toCorrupt;
  }

  /** Nothing passes on the connections that stand, for a while or for ever; nobody is told. New ones work. */
  stall(forMs?: number): void {
    for (const pair of this.#pairs) {
      pair.stalled = true;
      if (forMs !== undefined) setTimeout(() => pair.resume(), forMs).unref();
    }
  }

  /** What the broker says on the connections that stand is lost; new ones work. */
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
      // A stalled pair does not even tell of the end.
      socket.on('close', () => (pair.stalled ? undefined : end()));
    }
    void this.#forward(pair, client, broker, true);
    void this.#forward(pair, broker, client, false);
  }

  /** Piece by piece, in order; waiting for a piece also holds back the sender, as a slow line does. */
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

/** A connection from the proxy and the one to the broker. */
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
