import { isIP } from 'node:net';
import { text } from './kind.ts';

/** A bootstrap server: `kafka-1:9092`, `[::1]:9092`. */
export const hostAndPort = text('host:port', 'host:port', { valid: isHostAndPort });

/** Kafka's rule for names of topics: `org.apache.kafka.common.internals.Topic`. */
export const topic = text('topic', 'a topic name: up to 249 letters, digits, dots, dashes and underscores', {
  pattern: '^(?!\\.{1,2}$)[a-zA-Z0-9._-]{1,249}$',
});

/** A trusted peer: an address, a network, `unix:` for the peers of a Unix socket, or `*` for every peer. */
export const address = text('address', 'IP addresses, networks such as 10.0.0.0/8, unix:, or *', {
  valid: isAddressOrNetwork,
});

/** RFC 9110, 5.6.2: a token. */
const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";

export const headerName = text('header name', 'the name of an HTTP header', { pattern: `^${token}$` });

/** The value has no control character: a line break would start another header. */
export const headerLine = text('`Name: value`', '"Name: value"', {
  pattern: `^${token}: ?[\\t -~\\u0080-\\u00ff]*$`,
});

/** The path of a socket. The kernel's `sockaddr_un` takes at most 107 bytes. */
export const socketPath = text('path', 'a path of at most 107 bytes', {
  valid: (path) => Buffer.byteLength(path) <= 107,
});

/** The mode of a socket, as for `chmod`: `660`. */
export const fileMode = text('octal mode', 'a file mode in octal, such as 660', { pattern: '^0?[0-7]{3}$' });

export const filePath = text('path', 'the path of a file');

export const folderPath = text('path', 'the path of a folder');

/** The URL of an HTTP server. */
export const url = text('URL', 'a URL that begins with https:// or http://', {
  pattern: '^https?://',
  valid: (written) => URL.canParse(written),
});

const PAGE_USER = /^(?<name>[^:,\s]{1,64}):scrypt:(?<cost>\d{5,6}):(?<salt>[\w-]{22,86}):(?<hash>[\w-]{43})$/;

/** A user of the page with the hash of a password: `name:scrypt:16384:salt:hash`, the last two in base64url. */
export const pageUser = text('user', 'a user as `http2kafka token page-user` makes it', {
  valid: (written) => pageUserOf(written) !== undefined,
});

/** Its parts. The cost is a power of 2, as scrypt demands (RFC 7914 §2), and takes at most 128 MiB. */
export function pageUserOf(
  written: string,
): { name: string; cost: number; salt: string; hash: string } | undefined {
  const { name, cost: digits, salt, hash } = PAGE_USER.exec(written)?.groups ?? {};
  if (name === undefined || salt === undefined || hash === undefined) return undefined;
  const cost = Number(digits);
  return cost >= 2 ** 14 && cost <= 2 ** 17 && Number.isInteger(Math.log2(cost))
    ? { name, cost, salt, hash }
    : undefined;
}

/** The path under which another server forwards to the proxy: `/lineage`. */
export const urlPath = text('path', 'a path that begins with / and does not end with it', {
  pattern: '^(/[^/?#\\s]+)+$',
});

/** The `Origin` of a page, or `*` for every page. */
export const origin = text('origin', 'origins such as https://lineage.example.com, or *', {
  pattern: '^(\\*|[a-z][a-z0-9+.-]*://[^/\\s]+)$',
});

/** A token endpoint. A rule says where it may be http. */
export const tokenEndpoint = text('URL', 'an https address', {
  valid: isTokenEndpoint,
});

export const awsRegion = text('region', 'a region such as eu-central-1', {
  pattern: '^[a-z]{2,}(-[a-z]+)+-[0-9]+$',
});

/** RFC 7628, 3.1: `kvpair`. Kafka takes the name `auth` for the token itself. */
export const saslExtension = text('`name=value`', '"name=value", the name in letters', {
  pattern: '^(?!auth=)[A-Za-z]+=[\\x21-\\x7e \\t]+$',
});

export const method = text('method', 'HTTP methods, or *', { pattern: '^(\\*|[A-Z]+)$' });

function isHostAndPort(written: string): boolean {
  const { bracketed, host, port } =
    /^(?:\[(?<bracketed>[^\]]+)\]|(?<host>[\w.-]+)):(?<port>\d{1,5})$/.exec(written)?.groups ?? {};
  const named = bracketed === undefined ? host !== undefined : isIP(bracketed) === 6;
  return named && Number(port) >= 1 && Number(port) <= 65_535;
}

function isTokenEndpoint(written: string): boolean {
  if (!URL.canParse(written)) return false;
  const { protocol, hostname, hash, username, password } = new URL(written);
  if (hash !== '' || username !== '' || password !== '') return false;
  return hostname !== '' && (protocol === 'https:' || protocol === 'http:');
}

/** Whether the host of a URL is this machine, so that a connection to it needs no TLS. */
export function isLoopback(hostname: string): boolean {
  return /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
}

function isAddressOrNetwork(written: string): boolean {
  if (written === '*' || written === 'unix:') return true;
  const { ip = '', bits = '0' } = /^(?<ip>[^/]+)(?:\/(?<bits>\d{1,3}))?$/.exec(written)?.groups ?? {};
  const version = isIP(ip);
  return version !== 0 && Number(bits) <= (version === 4 ? 32 : 128);
}
