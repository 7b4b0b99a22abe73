/**
 * The header of the PROXY protocol, with which a load balancer names its client before the first byte of a connection.
 * Rule: https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt, version 1 (§2.1) and version 2 (§2.2).
 */
import { isIP } from 'node:net';

/** The client that a header names. */
export interface ProxiedClient {
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** What the first bytes of a connection are. `length`: how many of them are the header. */
export type ProxyHeader =
  | { readonly kind: 'incomplete' }
  /** The bytes are the client's own: there is no header. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'broken'; readonly reason: string }
  /** Without a client the header says that the load balancer itself asks, e.g. for a health check. */
  | { readonly kind: 'header'; readonly length: number; readonly client: ProxiedClient | undefined };

const INCOMPLETE: ProxyHeader = { kind: 'incomplete' };

const V1_PREFIX = Buffer.from('PROXY ');

/** §2.1: the longest line of version 1, with its line end. */
const V1_MOST_BYTES = 107;

const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n');

/** §2.2: the signature, a byte for version and command, a byte for the family, and the length of the rest in two bytes. */
const V2_FIXED_BYTES = 16;

/**
 * Reads the header at the start of the bytes. No HTTP request and no TLS handshake begins as a header does. It is
 * incomplete for 64 KiB at most: the length of version 2 has 16 bits.
 */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (begins(bytes, V1_PREFIX)) return bytes.length < V1_PREFIX.length ? INCOMPLETE : readText(bytes);
  if (begins(bytes, V2_SIGNATURE)) return bytes.length < V2_FIXED_BYTES ? INCOMPLETE : readBinary(bytes);
  return { kind: 'absent' };
}

/** True if the bytes are the start of a header, of version 1 or 2. */
export function looksLikeProxyHeader(bytes: Buffer): boolean {
  return [V1_PREFIX, V2_SIGNATURE].some((prefix) => bytes.subarray(0, prefix.length).equals(prefix));
}

/** True if one of the two begins with the other. */
function begins(bytes: Buffer, prefix: Buffer): boolean {
  const length = Math.min(bytes.length, prefix.length);
  return bytes.subarray(0, length).equals(prefix.subarray(0, length));
}

/** `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443`, or `PROXY UNKNOWN` and anything. */
function readText(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, V1_MOST_BYTES).indexOf('\r\n');
  if (end === -1) return bytes.length < V1_MOST_BYTES ? INCOMPLETE : broken('its line has no end');
  const [, family, address = '', , port = ''] = bytes.toString('latin1', 0, end).split(' ');
  const length = end + 2;
  if (family === 'UNKNOWN') return { kind: 'header', length, client: undefined };
  const version = family === 'TCP4' ? 4 : family === 'TCP6' ? 6 : undefined;
  if (version === undefined) return broken('its family is not TCP4, TCP6 or UNKNOWN');
  if (isIP(address) !== version) return broken(`its address is not one of ${String(family)}`);
  const remotePort = /^\d{1,5}$/.test(port) ? Number(port) : NaN;
  if (!(remotePort <= 0xffff)) return broken('its port is not a number from 0 to 65535');
  return { kind: 'header', length, client: { remoteAddress: address, remotePort } };
}

function readBinary(bytes: Buffer): ProxyHeader {
  const [versionAndCommand = 0, familyAndProtocol = 0] = bytes.subarray(V2_SIGNATURE.length);
  if (versionAndCommand >> 4 !== 2) return broken('its version is not 2');
  const command = versionAndCommand & 0xf;
  if (command > 1) return broken('its command is neither LOCAL nor PROXY');
  const length = V2_FIXED_BYTES + bytes.readUInt16BE(V2_FIXED_BYTES - 2);
  if (bytes.length < length) return INCOMPLETE;
  const addresses = bytes.subarray(V2_FIXED_BYTES, length);
  // LOCAL: the load balancer itself asks. Other families, e.g. of a Unix socket, name no address of a client.
  if (command === 0) return { kind: 'header', length, client: undefined };
  const addressBytes = { 1: 4, 2: 16 }[familyAndProtocol >> 4];
  if (addressBytes === undefined) return { kind: 'header', length, client: undefined };
  // Source address, destination address, source port, destination port.
  if (addresses.length < 2 * addressBytes + 4) return broken('it is too short for its addresses');
  const remoteAddress = addressText(addresses.subarray(0, addressBytes));
  return {
    kind: 'header',
    length,
    client: { remoteAddress, remotePort: addresses.readUInt16BE(2 * addressBytes) },
  };
}

function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16));
  // The shortest form (RFC 5952), as sockets give it.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

function broken(reason: string): ProxyHeader {
  return { kind: 'broken', reason };
}
