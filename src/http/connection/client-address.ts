/**
 * What a trusted proxy may say of its client: its address, and the name that it called. Of another peer, these are the address of
 * the connection and `Host`.
 */
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

/** The name for the peer of a Unix domain socket, which has no address. nginx uses the same name. */
const UNIX_PEER = 'unix:';

/** Some proxies write an address as `203.0.113.7:443`, `[2001:db8::1]:443` or `[2001:db8::1]`. */
const WITH_PORT = /^(?:(?<v4>[\d.]+):\d{1,5}|\[(?<v6>[\da-f.:]+)\](?::\d{1,5})?)$/i;

/** The proxies that are trusted to name their client in `X-Forwarded-For`. */
export class TrustedPeers {
  readonly #networks = new BlockList();
  readonly #trustsAll: boolean;
  readonly #trustsUnixSocket: boolean;
  readonly #trustsSome: boolean;

  /** Addresses, networks such as `10.0.0.0/8`, `unix:` for the peers of a Unix socket, or `*` for every peer. */
  constructor(trusted: readonly string[]) {
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
   * The address of a request's client: the address that a trusted peer gives in `X-Forwarded-For`, without a port.
   * Otherwise `address:port` of the peer, or `unix` for the peer of a Unix socket.
   */
  clientOf({ socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>): string {
    const { remoteAddress, remotePort } = socket;
    const forwarded = this.#trustsSome ? headers['x-forwarded-for'] : undefined;
    if (typeof forwarded === 'string' && this.#trustsPeer(remoteAddress)) {
      // Each proxy appends the address of its peer. So the last address that is not a trusted proxy is the client.
      // The client itself may have written the addresses before that.
      const hops = forwarded.split(',').map(addressOf);
      const client = hops.findLast((hop) => !this.#trustsAddress(hop)) ?? hops[0];
      if (client !== undefined && isIP(client) !== 0) return client;
    }
    if (remoteAddress === undefined) return 'unix';
    const peer = unmapped(remoteAddress);
    return remotePort === undefined ? peer : `${peer}:${remotePort}`;
  }

  /** The names that the client called: `Host`, and `X-Forwarded-Host` of a trusted peer. */
  hostsOf({ socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>): readonly string[] {
    const forwarded = this.#trustsSome ? headers['x-forwarded-host'] : undefined;
    const trusted = typeof forwarded === 'string' && this.#trustsPeer(socket.remoteAddress) ? forwarded : '';
    return [headers.host ?? '', ...trusted.split(',')]
      .map((host) => host.trim())
      .filter((host) => host !== '');
  }

  #trustsPeer(address: string | undefined): boolean {
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
