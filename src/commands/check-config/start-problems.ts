/** What would stop `serve` beyond wrong settings: files, the spool folder, the address. It changes nothing on disk. */
import { accessSync, constants, statSync } from 'node:fs';
import { lookup } from 'node:dns/promises';
import { dirname, join } from 'node:path';
import { Senders } from '../../auth/senders.ts';
import { readSendersFile } from '../../auth/senders-file.ts';
import type { ConfigurationError } from '../../config/configuration-error.ts';
import { takesPersonalTokens } from '../../config/rules/auth-rules.ts';
import type { Settings } from '../../config/schema/schema.ts';
import { readEnvironment } from '../../config/sources/environment.ts';
import { tooLarge } from '../../delivery/disk-monitor.ts';
import { VERSION } from '../../delivery/spooled-record.ts';
import { readTlsFiles } from '../../http/connection/tls-files.ts';
import { findLibrary } from '../../kafka/login/cloud/library.ts';
import { checkGssapi } from '../../kafka/login/gssapi.ts';
import { readKafkaTls, securityWarnings } from '../../kafka/login/security.ts';
import { kafkaSecurity } from '../../proxy/core-settings.ts';
import { tlsSettings } from '../../proxy/front-settings.ts';
import { databaseAddress } from '../../proxy/personal-tokens.ts';
import { localDisk } from '../../spool/disk.ts';
import { findNewerFormat } from '../../spool/newer-format.ts';
import { tracingProblem } from '../../tracing/open-tracing.ts';
import { errorCode, errorText, isForbidden, ownUser } from '../../support/error-text.ts';
import { PemFile } from '../../support/pem-file.ts';
import type { Finding } from './finding.ts';
import { asksDatabase } from './host-names.ts';
import { findDeadRules, rulesInForce } from './routing-check.ts';

/** Every problem, in the order in which `serve` would meet it. */
export async function findStartProblems(settings: Settings): Promise<readonly ConfigurationError[]> {
  const checks: readonly (readonly [place: string, check: () => unknown])[] = [
    ['kafka.security.tls', () => checkKafkaTls(settings)],
    ['kafka.security.oauth.cloud.provider', () => checkCloud(settings)],
    ['kafka.security.type', () => checkKerberos(settings)],
    ['spool.path', () => checkSpool(settings.spool.path)],
    ['auth.senders_file', () => checkSenders(settings)],
    ['server.ssl_certfile', () => checkTls(settings)],
    ['routing.file', () => rulesInForce(settings)],
    ['auth.oidc.ca_file', () => checkTrusted(settings.auth.oidc.caFile, 'auth.oidc.ca_file')],
    ['database.url', () => checkDatabaseFiles(settings)],
    ['server.uds', () => checkSocketFolder(settings)],
    ['server.host', () => checkHost(settings)],
    ['server.monitoring.host', () => checkMonitoringHost(settings)],
  ];
  const problems: ConfigurationError[] = [];
  for (const [place, check] of checks) {
    try {
      await check();
    } catch (error) {
      problems.push({ place, message: errorText(error) });
    }
  }
  return problems;
}

/** What does not stop `serve`, and an operator should know. */
export async function findWarnings(settings: Settings): Promise<readonly Finding[]> {
  const login = securityWarnings(kafkaSecurity(settings)).map((message): Finding => ({
    severity: 'warning',
    place: 'kafka.security.type',
    message,
  }));
  return [
    ...login,
    ...(await findVolumeWarnings(settings)),
    ...findDeadRules(settings),
    ...findTracingWarnings(),
  ];
}

function findTracingWarnings(): readonly Finding[] {
  const problem = tracingProblem(readEnvironment());
  return problem === undefined
    ? []
    : [{ severity: 'warning', place: 'OTEL_TRACES_EXPORTER', message: problem }];
}

async function findVolumeWarnings({ spool }: Settings): Promise<readonly Finding[]> {
  if (spool.maxBytes === undefined) return [];
  const volume = await localDisk.volume(existingFolder(spool.path)).catch(() => undefined);
  if (!volume || spool.maxBytes <= volume.size) return [];
  const message = tooLarge(spool.maxBytes, volume.size);
  return [{ severity: 'warning', place: 'spool.max_bytes', message }];
}

function checkKafkaTls({ kafka }: Settings): void {
  const { tls } = kafka.security;
  if (tls.enabled) readKafkaTls(tls);
}

function checkCloud({ kafka: { security } }: Settings): void {
  const { provider } = security.oauth.cloud;
  if (provider !== undefined) findLibrary(provider);
}

async function checkKerberos({ kafka: { security } }: Settings): Promise<void> {
  if (security.type === 'GSSAPI') await checkGssapi();
}

function checkTrusted(path: string | undefined, setting: string): void {
  if (path !== undefined) new PemFile(path, setting).certificates();
}

/** The certificates that the URL of the database names. */
async function checkDatabaseFiles(settings: Settings): Promise<void> {
  const address = asksDatabase(settings) ? databaseAddress(settings) : undefined;
  if (!address) return;
  const { Database } = await import('../../auth/personal-tokens/database.ts');
  await new Database(address).close();
}

async function checkSpool(path: string): Promise<void> {
  try {
    checkSpoolFolder(path);
  } catch (error) {
    if (!isForbidden(error)) throw error;
    // The folder may be missing: then the error names the one above it, which must stay as it is.
    const owner = `${path} must be a folder of the user ${ownUser()}, who runs this command`;
    throw new Error(`${errorText(error)}; ${owner}`, { cause: error });
  }
  const newer = await findNewerFormat(localDisk, path, VERSION);
  if (newer) throw newer;
}

/** The lock is not tried: a proxy that runs with the same settings has it. */
function checkSpoolFolder(path: string): void {
  if (exists(path)) {
    checkFolder(path);
    const topics = join(path, 'topics');
    if (exists(topics)) checkFolder(topics);
    return;
  }
  checkFolder(existingFolder(path));
}

/** The folder, or the first one above it that exists: the proxy makes the ones that are missing. */
function existingFolder(path: string): string {
  let folder = path;
  while (!exists(folder) && folder !== dirname(folder)) folder = dirname(folder);
  return folder;
}

function exists(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

function checkFolder(path: string): void {
  if (!statSync(path).isDirectory()) throw new Error(`${path} is not a folder`);
  accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
}

function checkSenders(settings: Settings): void {
  const { sendersFile, oidc, clientCertificates } = settings.auth;
  if (sendersFile === undefined) return;
  const { haveApiKeys } = new Senders(readSendersFile(sendersFile));
  const hasAnotherWay =
    takesPersonalTokens(settings) || oidc.issuer !== undefined || clientCertificates.enabled;
  if (!haveApiKeys && !hasAnotherWay) {
    throw new Error(`no sender has an API key in ${sendersFile}, and no other authentication is configured`);
  }
}

function checkTls(settings: Settings): void {
  const tls = tlsSettings(settings.server);
  if (tls) readTlsFiles(tls);
}

async function checkHost({ server }: Settings): Promise<void> {
  if (server.uds === undefined) await lookup(server.host);
}

async function checkMonitoringHost({ server: { monitoring } }: Settings): Promise<void> {
  if (monitoring.port !== undefined) await lookup(monitoring.host);
}

/** The proxy makes the socket, not its folder. */
function checkSocketFolder({ server: { uds } }: Settings): void {
  if (uds !== undefined) checkFolder(dirname(uds));
}
