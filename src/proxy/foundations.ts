/** What the proxy stands on: opened before anything else, in an order; closed in the reverse. */
import type { Logger } from 'pino';
import { setEnvironmentVariable } from '../config/sources/environment.ts';
import type { Settings } from '../config/schema/schema.ts';
import { TlsFileError, TlsFiles } from '../http/connection/tls-files.ts';
import { GssapiLogin, GssapiUnavailableError } from '../kafka/login/gssapi.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { Spool } from '../spool/spool.ts';
import type { DamageReport } from '../spool/topic-log.ts';
import { createAuthentication, type Authentication } from './authentication.ts';
import { tlsSettings } from './server-settings.ts';

/** Why the proxy cannot start, in words for an operator. */
export class StartError extends Error {}

export interface Foundations {
  /** What recognises senders; undefined where everybody may send. */
  readonly authentication: Authentication | undefined;
  /** The certificate to listen with; undefined without TLS. */
  readonly tls: TlsFiles | undefined;
  /** The login to Kafka with Kerberos, where that is set. */
  readonly gssapi: GssapiLogin | undefined;
  readonly spool: Spool;
  readonly close: () => Promise<void>;
}

/** Opens them all, or none. Rejects with a `StartError` for what an operator can mend. */
export async function openFoundations(
  settings: Settings,
  metrics: Metrics,
  log: Logger,
): Promise<Foundations> {
  await using opened = new AsyncDisposableStack();
  const authentication = await openAuthentication(settings, metrics, log);
  opened.defer(() => authentication?.close());
  const tls = openTls(settings, metrics, log);
  const gssapi = await openGssapi(settings, log);
  opened.defer(() => gssapi?.close());
  const spool = await openSpool(settings, metrics, log);
  opened.defer(() => spool.close());
  const toClose = opened.move();
  return { authentication, tls, gssapi, spool, close: () => toClose.disposeAsync() };
}

async function openAuthentication(
  settings: Settings,
  metrics: Metrics,
  log: Logger,
): Promise<Authentication | undefined> {
  try {
    return await createAuthentication(settings, metrics, log);
  } catch (error) {
    throw new StartError(`cannot recognise senders: ${messageOf(error)}`, { cause: error });
  }
}

function openTls({ server }: Settings, metrics: Metrics, log: Logger): TlsFiles | undefined {
  const tls = tlsSettings(server);
  if (!tls) return undefined;
  try {
    return new TlsFiles(tls, metrics, log);
  } catch (error) {
    if (!(error instanceof TlsFileError)) throw error;
    throw new StartError(`cannot listen with TLS: ${error.message}`, { cause: error });
  }
}

async function openGssapi({ kafka: { security } }: Settings, log: Logger): Promise<GssapiLogin | undefined> {
  if (security.type !== 'GSSAPI' || security.principal === undefined) return undefined;
  const { principal, realm, keytab, password, serviceName, refreshIntervalSeconds } = security;
  const refreshIntervalMs = refreshIntervalSeconds * 1000;
  const login = { principal, realm, keytab, password, serviceName, refreshIntervalMs };
  try {
    return await GssapiLogin.open(login, setEnvironmentVariable, log);
  } catch (error) {
    if (!(error instanceof GssapiUnavailableError)) throw error;
    throw new StartError(error.message, { cause: error });
  }
}

async function openSpool({ spool }: Settings, metrics: Metrics, log: Logger): Promise<Spool> {
  const report = ({ path, events, reason }: DamageReport) => {
    metrics.spoolDamaged.inc(events);
    log.error({ path, events, reason }, 'events in the spool cannot be read: their file is set aside');
  };
  try {
    return await Spool.open({ path: spool.path, maxBytes: spool.maxBytes }, report);
  } catch (error) {
    throw new StartError(
      `cannot keep events in ${spool.path}: ${messageOf(error)}. Choose another folder: --spool-path, or HTTP2KAFKA__SPOOL__PATH.`,
      { cause: error },
    );
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
