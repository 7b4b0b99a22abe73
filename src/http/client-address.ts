/** Who sent a request, as the access log names it: behind a trusted proxy, whom that proxy names. */
import type { IncomingMessage } from 'node:http';

/** `address:port` of the peer, or the address that trusted proxies report in `X-Forwarded-For`. */
export function clientAddress(request: IncomingMessage, trusted: readonly string[]): string {
  const { remoteAddress = 'unix', remotePort } = request.socket;
  const peer = remoteAddress.replace(/^::ffff:/, '');
  const isTrusted = (address: string) => trusted.includes('*') || trusted.includes(address);
  const forwarded = request.headers['x-forwarded-for'];
  if (typeof forwarded === 'string' && isTrusted(peer)) {
    // Each proxy adds its peer at the end: the last one that is not itself a trusted proxy is the client.
    const hops = forwarded.split(',').map((hop) => hop.trim());
    const client = hops.findLast((hop) => !isTrusted(hop)) ?? hops[0];
    if (client !== undefined && /^[0-9a-f.:[\]]{2,60}$/i.test(client)) return client;
  }
  return remotePort === undefined ? peer : `${peer}:${remotePort}`;
}
