/** What the listener is told, of what the settings say. */
import type { Settings } from '../config/schema/schema.ts';
import { TrustedPeers } from '../http/connection/client-address.ts';
import type { PagesSettings } from '../http/pages/pages.ts';
import type { ServerSettings } from '../http/server.ts';
import type { TlsFiles, TlsSettings } from '../http/connection/tls-files.ts';
import { connectionsPossible } from './open-files.ts';

/** Settings of the listener; without `tls` it speaks HTTP. */
export function serverSettings({ server }: Pick<Settings, 'server'>, tls?: TlsFiles): ServerSettings {
  const { uds, udsMode, host, port, backlog } = server;
  const trusted = new TrustedPeers(server.proxyHeaders ? server.forwardedAllowIps : []);
  return {
    listen: uds === undefined ? { host, port, backlog } : { path: uds, backlog },
    socketMode: Number.parseInt(udsMode, 8),
    tls: tls?.options,
    rootPath: server.rootPath ?? '',
    requestIdHeader: server.requestId.headerName.toLowerCase(),
    maxConcurrency: server.limitConcurrency ?? Number.POSITIVE_INFINITY,
    maxConnections: connectionsPossible(server.maxConnections),
    maxHeaderBytes: server.maxHeaderSize,
    maxHeaders: server.maxHeaders,
    keepAliveMs: server.keepAliveTimeoutS * 1000,
    headersTimeoutMs: server.headersTimeoutS * 1000,
    requestTimeoutMs: server.requestTimeoutS * 1000,
    cors: server.cors.enabled ? server.cors : undefined,
    accessLog: server.accessLog ? (request) => trusted.clientOf(request) : undefined,
  };
}

/** What TLS is made of; undefined where the proxy is to speak HTTP. */
export function tlsSettings(server: Settings['server']): TlsSettings | undefined {
  const { sslCertfile, sslKeyfile, sslKeyfilePassword, sslCaCerts, sslCertReqs } = server;
  if (sslCertfile === undefined || sslKeyfile === undefined) return undefined;
  return {
    certFile: sslCertfile,
    keyFile: sslKeyfile,
    keyPassword: sslKeyfilePassword,
    caFile: sslCaCerts,
    clientCertificates: sslCertReqs,
  };
}

export function pagesSettings({ server }: Settings): PagesSettings {
  return {
    rootPath: server.rootPath ?? '',
    requestIdHeader: server.requestId.headerName.toLowerCase(),
    metrics: server.monitoring.enabled,
    docs: server.openapi.enabled,
    https: server.sslCertfile !== undefined,
  };
}
