/** Reads the header of the PROXY protocol of trusted peers, before HTTP or TLS sees the connection, and knows its client. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { readProxyHeader, type ProxiedClient } from './proxy-header.ts';
import { takeListeners } from './taken-listeners.ts';

/** A connection, as far as its peer is asked for. */
export type PeerSocket = Pick<Socket, 'remoteAddress' | 'remotePort'>;

export interface ProxiedPeersSettings {
  /** Peers whose header is read. */
  readonly trusts: (address: string | undefined) => boolean;
  /** Milliseconds that the header may take to arrive. 0: no limit. */
  readonly timeoutMs: number;
}

export class ProxiedPeers {
  readonly #settings: ProxiedPeersSettings;
  readonly #clients = new WeakMap<PeerSocket, ProxiedClient>();
  /** The clients of connections before the end of their TLS handshake, by address and port of the peer. */
  readonly #handshakes = new Map<string, ProxiedClient>();

  constructor(settings: ProxiedPeersSettings) {
    this.#settings = settings;
  }

  /** The client of a connection: the one that its header names, or the peer itself. */
  clientOf(socket: PeerSocket): PeerSocket {
    return this.#clients.get(socket) ?? this.#handshakes.get(keyOf(socket)) ?? socket;
  }

  /**
   * From now on the server gets a connection after its header. `refuse` gets a connection with a broken header, and why.
   * Call it before other listeners are added.
   */
  attach(server: Server, refuse: (socket: Socket, reason: string) => void): void {
    const accept = takeListeners(server, 'connection');
    server.on('connection', (socket: Socket) => {
      // A check of a load balancer may reset its connection before it is accepted.
      if (hasGone(socket)) socket.destroy();
      else if (this.#settings.trusts(socket.remoteAddress)) this.#read(socket, () => accept(socket), refuse);
      else accept(socket);
    });
    server.on('secureConnection', (socket: TLSSocket) => {
      const client = this.#handshakes.get(keyOf(socket));
      if (client) this.#clients.set(socket, client);
    });
  }

  #read(socket: Socket, accept: () => void, refuse: (socket: Socket, reason: string) => void): void {
    let bytes = Buffer.alloc(0);
    const { timeoutMs } = this.#settings;
    const limit = timeoutMs > 0 ? setTimeout(() => socket.destroy(), timeoutMs) : undefined;
    const end = () => {
      clearTimeout(limit);
      socket.off('readable', read).off('end', leave).off('close', end).off('error', ignore);
    };
    // Half a connection stays open otherwise: the HTTP server allows that.
    const leave = () => socket.destroy();
    const read = () => {
      const piece: unknown = socket.read();
      // Null at the end of a connection without a header, or before the first byte.
      if (!Buffer.isBuffer(piece)) return;
      bytes = Buffer.concat([bytes, piece]);
      const header = readProxyHeader(bytes);
      if (header.kind === 'incomplete') return;
      end();
      // The connection was refused meanwhile, because there are too many.
      if (!socket.writable) return void socket.resume();
      if (header.kind === 'header') {
        if (header.client) this.#note(socket, header.client);
        bytes = bytes.subarray(header.length);
      }
      if (bytes.length > 0) socket.unshift(bytes);
      // Not before Node knows that no listener for `readable` is left: otherwise HTTP would get no data.
      if (header.kind === 'broken') refuse(socket, header.reason);
      else process.nextTick(accept);
    };
    socket.on('readable', read).on('end', leave).on('close', end).on('error', ignore);
  }

  #note(socket: Socket, client: ProxiedClient): void {
    this.#clients.set(socket, client);
    const key = keyOf(socket);
    if (key === '') return;
    this.#handshakes.set(key, client);
    socket.once('close', () => this.#handshakes.delete(key));
  }
}

function ignore(): void {
  // The event `close` follows.
}

/** True for a TCP connection whose peer has closed it. The peer of a Unix socket has no address either. */
export function hasGone({
  remoteAddress,
  localAddress,
}: Pick<Socket, 'remoteAddress' | 'localAddress'>): boolean {
  return remoteAddress === undefined && localAddress !== undefined;
}

/** A Unix socket has no peer address: '' for it. */
function keyOf({ remoteAddress, remotePort }: PeerSocket): string {
  return remoteAddress === undefined ? '' : `${remoteAddress} ${remotePort}`;
}
