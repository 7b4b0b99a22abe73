/** Builds the page at `/` from the settings: for the listener of events, and for that of monitoring. */
import type { IncomingMessage } from 'node:http';
import type { Settings } from '../../config/schema/schema.ts';
import { pageUserOf } from '../../config/schema/text-kinds.ts';
import type { Way } from '../../auth/sender.ts';
import { takesPersonalTokens } from '../../config/rules/auth-rules.ts';
import type { DeliveryStatus } from '../../delivery/port.ts';
import type { ClientOf } from '../../http/origin.ts';
import type { Monitoring } from '../../http/pages/monitoring.ts';
import { LoginPages } from '../../http/pages/overview/login-pages.ts';
import { Overview } from '../../http/pages/overview/overview.ts';
import { PageAccess } from '../../http/pages/overview/page-access.ts';
import { PageOidc } from '../../http/pages/overview/page-oidc.ts';
import { PageSenders, type PageAuthentication } from '../../http/pages/overview/page-senders.ts';
import { PageSessions } from '../../http/pages/overview/page-sessions.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import { LiveStreams } from '../../page/live-streams.ts';
import { StandingReader, type ShownSetting } from '../../page/standing.ts';
import type { Watch } from '../../page/watch.ts';
import { systemTime } from '../../support/time.ts';
import { version } from '../../version.ts';
import { egressProxies } from '../egress.ts';
import { isLocal } from '../listening.ts';
import { usedLimits } from './used-limits.ts';

/** Most streams of a listener. */
export const MAX_STREAMS = 16;

export interface PageParts {
  readonly watch: Watch;
  readonly delivery: DeliveryStatus;
  readonly metrics: Metrics;
  readonly monitoring: Monitoring;
  readonly clientOf: ClientOf;
  readonly hostsOf: (request: IncomingMessage) => readonly string[];
  /** Undefined if senders are not recognised. */
  readonly authentication: PageAuthentication | undefined;
  /** What is wrong with what recognises senders, and with the routing rules. */
  readonly problems: () => readonly string[];
}

export interface Page {
  readonly overview: Overview;
  /** Undefined if the listener for monitoring does not serve it. */
  readonly onMonitoring: Overview | undefined;
  /** Streams of the listener of events. They are no requests that have to be answered. */
  readonly watching: number;
  /** Ends all streams. */
  close(): void;
}

/**
 * Undefined if the settings turn it off.
 * @throws {StartError} if the way to the OpenID provider cannot be known.
 */
export async function openPage(
  settings: Settings,
  shown: readonly ShownSetting[],
  parts: PageParts,
): Promise<Page | undefined> {
  const { server } = settings;
  if (!server.page.enabled) return undefined;
  const { watch, delivery, metrics, monitoring, clientOf, hostsOf, authentication } = parts;
  const rootPath = server.rootPath ?? '';
  const standing = new StandingReader(
    {
      version,
      delivery,
      settings: shown,
      warnings: () => warnings(settings, parts),
      limits: () => usedLimits(metrics, delivery),
      now: () => watch.now,
    },
    systemTime,
  );
  // Both listeners know the logins that have begun: the redirect of the provider leads to one of them.
  const oidc = await openOidc(settings);
  const all: LiveStreams[] = [];
  const openStreams = () => {
    const streams = new LiveStreams(watch, MAX_STREAMS, systemTime);
    all.push(streams);
    return streams;
  };
  const build = (isOpen: boolean, https: boolean, senders: PageSenders | undefined) => {
    const streams = openStreams();
    const streamsOfSenders = openStreams();
    const sessions = sessionsOf(settings, senders, rootPath, https);
    const login = sessions && new LoginPages(rootPath, { sessions, oidc, senders, clientOf, monitoring });
    const access = new PageAccess({ open: isOpen, https }, { sessions, senders, clientOf, hostsOf });
    const ways = authentication ? waysOf(settings) : [];
    const parts = { watch, streams, streamsOfSenders, standing, access, login, monitoring };
    return new Overview({ rootPath, https, ways }, parts);
  };
  const overview = build(false, server.sslCertfile !== undefined, sendersOf(settings, authentication));
  const ofEvents = [...all];
  // Senders are not recognised there.
  const onMonitoring = server.page.onMonitoring ? build(true, false, undefined) : undefined;
  return {
    overview,
    onMonitoring,
    get watching() {
      return ofEvents.reduce((sum, { count }) => sum + count, 0);
    },
    close: () => {
      standing.close();
      for (const one of all) one.close();
    },
  };
}

function sendersOf(
  settings: Settings,
  authentication: PageAuthentication | undefined,
): PageSenders | undefined {
  if (!authentication || !settings.server.page.senders) return undefined;
  const ways = waysOf(settings);
  const keys = ways.some((way) => way !== 'certificate');
  return new PageSenders(authentication, { keys, certificates: ways.includes('certificate') });
}

function sessionsOf(
  { server }: Settings,
  senders: PageSenders | undefined,
  rootPath: string,
  https: boolean,
): PageSessions | undefined {
  const users = server.page.users.flatMap((written) => {
    const user = pageUserOf(written);
    if (!user) return [];
    const { name, cost, salt, hash } = user;
    return [{ name, cost, salt: Buffer.from(salt, 'base64url'), hash: Buffer.from(hash, 'base64url') }];
  });
  if (users.length === 0 && server.page.oidc.issuer === undefined && !senders) return undefined;
  return new PageSessions(users, `${rootPath}/`, https, systemTime.monotonic);
}

async function openOidc({ server, auth }: Settings): Promise<PageOidc | undefined> {
  const { issuer, clientId, redirectUri, ...others } = server.page.oidc;
  if (issuer === undefined || clientId === undefined || redirectUri === undefined) return undefined;
  // Loaded here: only a proxy with such a login needs it.
  const { CodeFlow } = await import('../../auth/oidc/code-flow.ts');
  const { algorithms, clockSkew: clockSkewMs } = auth.oidc;
  const proxies = egressProxies();
  const flow = new CodeFlow({ issuer, clientId, redirectUri, ...others, algorithms, clockSkewMs, proxies });
  return new PageOidc(flow, redirectUri, systemTime.monotonic);
}

function waysOf(settings: Settings): readonly Way[] {
  const { sendersFile, oidc, clientCertificates } = settings.auth;
  return [
    ...(sendersFile === undefined ? [] : ['api-key' as const]),
    ...(takesPersonalTokens(settings) ? ['personal-token' as const] : []),
    ...(oidc.issuer === undefined ? [] : ['oidc' as const]),
    ...(clientCertificates.enabled ? ['certificate' as const] : []),
  ];
}

function warnings(
  { server }: Settings,
  { authentication, delivery, problems }: PageParts,
): readonly string[] {
  const isRemote = !isLocal(server);
  const { spoolWarning } = delivery;
  return [
    ...(authentication || !isRemote
      ? []
      : [`Senders are not checked: everyone who reaches ${server.host} may post events.`]),
    ...(server.sslCertfile !== undefined || !isRemote
      ? []
      : ['No TLS: keys and events can be read on the way, unless a server in front of the proxy ends TLS.']),
    ...(server.page.onMonitoring && server.page.users.length === 0 && server.page.oidc.issuer === undefined
      ? ['Everyone who reaches server.monitoring.port may see this page.']
      : []),
    ...(spoolWarning === undefined ? [] : [spoolWarning]),
    ...problems(),
  ];
}
