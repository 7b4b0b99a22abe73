/** How a request came, for the log. */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Origin } from '../pipeline/arrival.ts';
import type { ClientAddress } from './connection/client-address.ts';
import type { HttpRequest } from './exchange.ts';
import { hasGone } from './connection/proxied-peers.ts';
import { originForm } from './paths.ts';

/** A request, or the connection of a request that cannot be read. */
export type Peer = Pick<HttpRequest, 'socket' | 'headers'>;

/** The address of a client, as `TrustedPeers.clientOf` finds it. */
export type ClientOf = (peer: Peer) => ClientAddress;

/** `url` is the URL as the client wrote it: Fastify replaces `request.url`. */
export function originOf(request: HttpRequest, url: string, clientOf: ClientOf): Origin {
  return {
    method: request.method,
    path: pathAsWritten(url),
    ...clientOfPeer(request, clientOf),
    userAgent: request.headers['user-agent'],
  };
}

/** The origin of bytes that are not a readable request. */
export function originOfConnection(socket: Duplex, clientOf: ClientOf): Origin {
  return isSocket(socket) ? clientOfPeer({ socket, headers: {} }, clientOf) : {};
}

/** A closed connection has no address of its peer. Without this check it would pass for one over a Unix socket. */
function clientOfPeer(peer: Peer, clientOf: ClientOf): Partial<ClientAddress> {
  const { socket } = peer;
  const isUnknown = hasGone(socket) || (socket.destroyed && socket.remoteAddress === undefined);
  return isUnknown ? {} : clientOf(peer);
}

/** Without the query, and without the host of an absolute form: both may hold a secret. */
function pathAsWritten(url: string): string {
  const path = originForm(url);
  const query = path.indexOf('?');
  return query === -1 ? path : path.slice(0, query);
}

function isSocket(socket: Duplex): socket is Socket {
  return 'remoteAddress' in socket;
}
