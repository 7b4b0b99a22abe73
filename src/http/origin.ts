/** How a request came, for the log. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Origin } from '../pipeline/arrival.ts';
import { originForm } from './paths.ts';

/** A request, or the connection of a request that cannot be read. */
export type Peer = Pick<IncomingMessage, 'socket' | 'headers'>;

/** The address of a client, as `TrustedPeers.clientOf` finds it. */
export type ClientOf = (peer: Peer) => string;

/** `url` is the URL as the client wrote it: Fastify replaces `request.url`. */
export function originOf(request: IncomingMessage, url: string, clientOf: ClientOf): Origin {
  return {
    method: request.method,
    path: pathAsWritten(url),
    ...clientMembers(request, clientOf),
    userAgent: request.headers['user-agent'],
  };
}

/** The origin of bytes that are not a readable request. */
export function originOfConnection(socket: Duplex, clientOf: ClientOf): Origin {
  return isSocket(socket) ? clientMembers({ socket, headers: {} }, clientOf) : {};
}

function clientMembers(peer: Peer, clientOf: ClientOf): Pick<Origin, 'client' | 'address'> {
  const client = addressOf(peer, clientOf);
  const port = `:${peer.socket.remotePort}`;
  return { client, address: client?.endsWith(port) ? client.slice(0, -port.length) : client };
}

/** A closed connection has no address. Without this check it would pass for one over a Unix socket. */
function addressOf(peer: Peer, clientOf: ClientOf): string | undefined {
  const { destroyed, remoteAddress } = peer.socket;
  return destroyed && remoteAddress === undefined ? undefined : clientOf(peer);
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
