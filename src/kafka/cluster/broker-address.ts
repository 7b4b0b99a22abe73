/** Addresses of brokers, `host:port`, and the form that the Kafka client takes. */
import type { Broker } from '@platformatic/kafka';

/** The host and the port of an address. */
export function brokerAt(address: string): Broker {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) };
}

/** `host:port`. An IPv6 address stands in brackets, as in the settings. */
export function addressOf(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
