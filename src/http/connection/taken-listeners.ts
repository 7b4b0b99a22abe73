/** Has a connection read by others before a server's own listeners see it. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

type Accept = (this: Server, socket: Socket) => void;

/** Takes the listeners of an event off a server. Returns a function that passes a connection to them. */
export function takeListeners(
  server: Server,
  event: 'connection' | 'secureConnection',
): (socket: Socket) => void {
  const accepts = server.listeners(event) as readonly Accept[];
  server.removeAllListeners(event);
  return (socket) => {
    for (const accept of accepts) accept.call(server, socket);
  };
}
