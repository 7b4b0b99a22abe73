/** The address that the proxy listens on: its text for an operator, and whether other machines can reach it. */
import { BlockList, isIP } from 'node:net';
import type { Settings } from '../config/schema/schema.ts';
import { errorCode, errorText } from '../support/error-text.ts';

type ServerAddress = Settings['server'];

/** Addresses that only this machine can reach. All of 127/8 is loopback (RFC 1122 §3.2.1.3). */
const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');

/** How a user chooses another address, for the texts of errors. */
export interface AddressSettings {
  readonly host: string;
  readonly port: string;
}

const FLAGS: AddressSettings = { host: '--host', port: '--port' };

/**
 * `http://127.0.0.1:8002`, or the path of the Unix socket.
 * `port` is the port that the system chose if the setting is 0.
 */
export function addressOf(server: ServerAddress, port: string | number = server.port): string {
  if (server.uds !== undefined) return server.uds;
  return urlOf(server.sslCertfile === undefined ? 'http' : 'https', server.host, port);
}

/** The URL of a host and a port. An IPv6 address has brackets. */
export function urlOf(scheme: 'http' | 'https', host: string, port: string | number): string {
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Why the proxy cannot listen, and what an operator can do about it. */
export function explainListenError(error: unknown, { host, port }: AddressSettings = FLAGS): string {
  switch (errorCode(error)) {
    case 'EADDRINUSE':
      return `another program listens there. Stop it, or choose another ${port}.`;
    case 'EACCES':
      return `not allowed. Ports below 1024 need privileges; choose another ${port}.`;
    case 'EADDRNOTAVAIL':
      return `this machine has no such address. Choose another ${host}.`;
    default:
      return errorText(error);
  }
}

/** True if only this machine can connect. */
export function isLocal({ uds, host }: ServerAddress): boolean {
  if (uds !== undefined || host.toLowerCase() === 'localhost') return true;
  const version = isIP(host);
  return version !== 0 && LOOPBACK.check(host, version === 4 ? 'ipv4' : 'ipv6');
}
