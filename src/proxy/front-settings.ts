/** Turns the settings into those of each part of the front. Times are in milliseconds, sizes in bytes. */
import type { Settings } from '../config/schema/schema.ts';
import type { AnswerSettings } from '../http/answer.ts';
import { TrustedPeers } from '../http/connection/client-address.ts';
import { ProxiedPeers, type PeerSocket } from '../http/connection/proxied-peers.ts';
import type { TlsFiles, TlsSettings } from '../http/connection/tls-files.ts';
import type { MonitoringSettings } from '../http/pages/monitoring.ts';
import {
  MONITORING_CONNECTIONS,
  type MonitoringListenerSettings,
} from '../http/pages/monitoring-listener.ts';
import type { PageListenerSettings } from '../http/pages/page-listener.ts';
import type { PagesSettings } from '../http/pages/pages.ts';
import type { ServerSettings } from '../http/server.ts';
import type { ForesightSettings } from '../pipeline/foresight.ts';
import type { IngestSettings } from '../pipeline/ingest.ts';
import type { RoutingSettings } from '../routing/routing.ts';
import { version } from '../version.ts';
import { connectionLimit } from './open-files.ts';

/** Settings of the pipeline. */
export function ingestSettings({ producer, check }: Settings): IngestSettings {
  return {
    mainTopic: producer.mainTopic,
    malformedTopic: producer.malformedTopic,
    checkLevel: check.level,
    invalid: check.invalid,
    timestamp: producer.timestamp,
  };
}

/** Settings of the routing rules. */
export function routingSettings({ routing, producer }: Settings): RoutingSettings {
  return { list: routing.rules, file: routing.file, deadLetterTopic: producer.malformedTopic };
}

/** Settings of what is foreseen of events. */
export function foresightSettings({ check }: Settings): ForesightSettings {
  return { checkLevel: check.level, consumers: check.consumers };
}

/** Settings of answers: the headers that each has, and the status of a spooled event. */
export function answerSettings({ server }: Settings): AnswerSettings {
  return {
    requestIdHeader: server.requestId.enabled ? server.requestId.headerName : undefined,
    versionHeader: server.applicationVersion.enabled ? server.applicationVersion.headerName : undefined,
    version,
    headers: server.headers.map(splitHeader),
    spooledStatus: server.spooledStatus,
  };
}

/** Settings of the listener. Without `tls` it serves plain HTTP. Routing rules name `ruleTopics` topics. */
export function serverSettings(
  { server }: Pick<Settings, 'server'>,
  tls?: TlsFiles,
  ruleTopics = 0,
): ServerSettings {
  const { uds, udsMode, host, port, backlog } = server;
  // The main topic and the dead-letter topic, and those of the rules.
  const others = {
    topics: 2 + ruleTopics,
    monitoring: server.monitoring.port === undefined ? 0 : MONITORING_CONNECTIONS,
  };
  const proxied = server.proxyProtocol ? proxiedPeers(server) : undefined;
  const peerOf = proxied && ((socket: PeerSocket) => proxied.clientOf(socket));
  const trusted = new TrustedPeers(server.proxyHeaders ? server.forwardedAllowIps : [], peerOf);
  return {
    listen: uds === undefined ? { host, port, backlog } : { path: uds, backlog },
    socketMode: Number.parseInt(udsMode, 8),
    tls: tls?.options,
    rootPath: server.rootPath ?? '',
    requestIdHeader: server.requestId.headerName.toLowerCase(),
    maxConcurrency: server.limitConcurrency ?? Number.POSITIVE_INFINITY,
    maxConnections: connectionLimit(server.maxConnections, others),
    maxHeaderBytes: server.maxHeaderSize,
    maxHeaders: server.maxHeaders,
    keepAliveMs: server.keepAliveTimeoutS * 1000,
    headersTimeoutMs: server.headersTimeoutS * 1000,
    requestTimeoutMs: server.requestTimeoutS * 1000,
    cors: server.cors.enabled ? server.cors : undefined,
    proxied,
    clientOf: (peer) => trusted.clientOf(peer),
    hostsOf: (peer) => trusted.hostsOf(peer),
    accessLog: !server.accessLog ? 'none' : server.accessLogProbes ? 'all' : 'without-probes',
  };
}

/** The peers that name their client by the PROXY protocol. The header has the time limit of a head. */
function proxiedPeers({ forwardedAllowIps, headersTimeoutS }: Settings['server']): ProxiedPeers {
  const balancers = new TrustedPeers(forwardedAllowIps);
  return new ProxiedPeers({
    trusts: (address) => balancers.trusts(address),
    timeoutMs: headersTimeoutS * 1000,
  });
}

/** The files of TLS. Undefined if the proxy serves plain HTTP. */
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

/** Settings of the listener for everything but events, and of the pages behind it. */
export function pagesSettings({ server }: Pick<Settings, 'server'>): PageListenerSettings & PagesSettings {
  return {
    rootPath: server.rootPath ?? '',
    requestIdHeader: server.requestId.headerName.toLowerCase(),
    docs: server.openapi.enabled,
    https: server.sslCertfile !== undefined,
  };
}

/** Settings of the pages for monitoring. */
export function monitoringSettings({ server, producer }: Settings): MonitoringSettings {
  return { mainTopic: producer.mainTopic, metrics: server.monitoring.enabled };
}

/** Settings of the listener of its own for monitoring. Undefined if there is none. */
export function monitoringListenerSettings({
  server,
}: Pick<Settings, 'server'>): MonitoringListenerSettings | undefined {
  const { host, port } = server.monitoring;
  if (port === undefined) return undefined;
  const requestIdHeader = server.requestId.headerName.toLowerCase();
  return { host, port, rootPath: server.rootPath ?? '', requestIdHeader };
}

function splitHeader(line: string): readonly [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
}
