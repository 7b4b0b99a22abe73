/**
 * What a trusted proxy may say of its client: its address, and the name that it called. Of another peer, these are the address of
 * the connection and `Host`.
 */
import type { HttpRequest } from '../exchange.ts';
import { BlockList, isIP } from 'node:net';
import type { PeerSocket } from './proxied-peers.ts';

/** The name for the peer of a Unix domain socket, which has no address. nginx uses the same name. */
const UNIX_PEER = 'unix:';

const UNIX_CLIENT = { client: 'unix', address: 'unix' };

/** Some proxies write an address as `203.0.113.7:443`, `[2001:db8::1]:443` or `[2001:db8::1]`. */
const WITH_PORT = /^(?:(?<v4>[\d.]+):\d{1,5}|\[(?<v6>[\da-f.:]+)\](?::\d{1,5})?)$/i;

/** A client for the log. */
export interface ClientAddress {
  /** The address with its port, if the port is known; or `unix` for the peer of a Unix socket. */
  readonly client: string;
  /** The same without the port. */
  readonly address: string;
}

/** The proxies that are trusted to name their client, in `X-Forwarded-For` or by the PROXY protocol. */
export class TrustedPeers {
  readonly #networks = new BlockList();
  readonly #trustsAll: boolean;
  readonly #trustsUnixSocket: boolean;
  readonly #trustsSome: boolean;
  readonly #peerOf: (socket: PeerSocket) => PeerSocket;

  /**
   * `trusted`: addresses, networks such as `10.0.0.0/8`, `unix:` for the peers of a Unix socket, or `*` for every peer.
   * `peerOf`: the peer of a connection, if it is another than that of its socket.
   */
  constructor(trusted: readonly string[], peerOf = (socket: PeerSocket) => socket) {
    this.#peerOf = peerOf;
    this.#trustsSome = trusted.length > 0;
    this.#trustsAll = trusted.includes('*');
    this.#trustsUnixSocket = trusted.includes(UNIX_PEER);
    for (const written of trusted) {
      const [address = '', bits] = written.split('/');
      const version = isIP(address);
      if (version === 0) continue;
      const family = version === 4 ? 'ipv4' : 'ipv6';
      this.#networks.addSubnet(
        address,
        bits === undefined ? (version === 4 ? 32 : 128) : Number(bits),
        family,
      );
    }
  }

  /**
   * A request's client: the address that a trusted peer gives in `X-Forwarded-For`, without a port.
   * Otherwise address and port of the peer.
   */
  clientOf({ socket, headers }: Pick<HttpRequest, 'socket' | 'headers'>): ClientAddress {
    const { remoteAddress, remotePort } = this.#peerOf(socket);
    const forwarded = this.#trustsSome ? headers['x-forwarded-for'] : undefined;
    if (typeof forwarded === 'string' && this.trusts(remoteAddress)) {
      // Each proxy appends the address of its peer. So the last address that is not a trusted proxy is the client.
      // The client itself may have written the addresses before that.
      const hops = forwarded.split(',').map(addressOf);
      const client = hops.findLast((hop) => !this.#trustsAddress(hop)) ?? hops[0];
      if (client !== undefined && isIP(client) !== 0) return { client, address: client };
    }
    if (remoteAddress === undefined) return UNIX_CLIENT;
    const address = unmapped(remoteAddress);
    return { client: remotePort === undefined ? address : `${address}:${remotePort}`, address };
  }

  /** The names that the client called: `Host`, and `X-Forwarded-Host` of a trusted peer. */
  hostsOf({ socket, headers }: Pick<HttpRequest, 'socket' | 'headers'>): readonly string[] {
    const forwarded = this.#trustsSome ? headers['x-forwarded-host'] : undefined;
    const trusted =
      typeof forwarded === 'string' && this.trusts(this.#peerOf(socket).remoteAddress) ? forwarded : '';
    return [headers.host ?? '', ...trusted.split(',')]
      .map((host) => host.trim())
      .filter((host) => host !== '');
  }

  /** Whether the peer with this address is trusted. Undefined: the peer of a Unix socket. */
  trusts(address: string | undefined): boolean {
    return address === undefined ? this.#trustsAll || this.#trustsUnixSocket : this.#trustsAddress(address);
  }

  #trustsAddress(address: string): boolean {
    if (this.#trustsAll) return true;
    // An IPv4 address in IPv6 form matches the rules for IPv4.
    const version = isIP(address);
    return version !== 0 && this.#networks.check(address, version === 4 ? 'ipv4' : 'ipv6');
  }
}

function addressOf(hop: string): string {
  const written = hop.trim();
  const { v4, v6 } = WITH_PORT.exec(written)?.groups ?? {};
  return unmapped(v4 ?? v6 ?? written);
}

/** On a socket for both versions of IP, the peer 192.0.2.1 is `::ffff:192.0.2.1` (RFC 4291 §2.5.5.2). */
function unmapped(address: string): string {
  return address.replace(/^::ffff:(?=[\d.]+$)/i, '');
}
