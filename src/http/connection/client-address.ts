/** Who sent a request: the peer of its connection or, behind a trusted proxy, whom that proxy names. */
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

/** How the peer of a Unix domain socket is called, which has no address; nginx calls it so, too. */
const UNIX_PEER = 'unix:';

/** `203.0.113.7:443`, `[2001:db8::1]:443` and `[2001:db8::1]`, as some proxies write an address. */
const WITH_PORT = /^(?:(?<v4>[\d.]+):\d{1,5}|\[(?<v6>[\da-f.:]+)\](?::\d{1,5})?)$/i;

/** The peers whose forwarding headers are believed. */
export class TrustedPeers {
  readonly #networks = new BlockList();
  readonly #everybody: boolean;
  readonly #unixSocket: boolean;
  readonly #any: boolean;

  /** Addresses, networks such as `10.0.0.0/8`, `unix:` for the peers of a Unix socket, or `*` for everybody. */
  constructor(trusted: readonly string[]) {
    this.#any = trusted.length > 0;
    this.#everybody = trusted.includes('*');
    this.#unixSocket = trusted.includes(UNIX_PEER);
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

  /** `address:port` of the peer, or the address that trusted peers report in `X-Forwarded-For`; `unix` for a Unix socket. */
  clientOf({ socket, headers }: IncomingMessage): string {
    const { remoteAddress, remotePort } = socket;
    const forwarded = this.#any ? headers['x-forwarded-for'] : undefined;
    if (typeof forwarded === 'string' && this.#trustsPeer(remoteAddress)) {
      // Each proxy adds its peer at the end: the last one that is not itself a trusted proxy is the client. What stands
      // before that one, the client may have written itself.
      const hops = forwarded.split(',').map(addressOf);
      const client = hops.findLast((hop) => !this.#trustsAddress(hop)) ?? hops[0];
      if (client !== undefined && isIP(client) !== 0) return client;
    }
    if (remoteAddress === undefined) return 'unix';
    const peer = unmapped(remoteAddress);
    return remotePort === undefined ? peer : `${peer}:${remotePort}`;
  }

  #trustsPeer(address: string | undefined): boolean {
    return address === undefined ? this.#everybody || this.#unixSocket : this.#trustsAddress(address);
  }

  #trustsAddress(address: string): boolean {
    if (this.#everybody) return true;
    // IPv4 addresses in the form of IPv6 match the rules for IPv4.
    const version = isIP(address);
    return version !== 0 && this.#networks.check(address, version === 4 ? 'ipv4' : 'ipv6');
  }
}

function addressOf(hop: string): string {
  const written = hop.trim();
  const { v4, v6 } = WITH_PORT.exec(written)?.groups ?? {};
  return unmapped(v4 ?? v6 ?? written);
}

/** A socket for both versions of IP has `::ffff:192.0.2.1` for the peer 192.0.2.1 (RFC 4291 §2.5.5.2). */
function unmapped(address: string): string {
  return address.replace(/^::ffff:(?=[\d.]+$)/i, '');
}
