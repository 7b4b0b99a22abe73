/** What would stop `serve` beyond wrong settings: files, the spool folder, the address. It changes nothing on disk. */
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { lookup } from 'node:dns/promises';
import { dirname, join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { Senders } from '../../auth/senders.ts';
import { readSendersFile } from '../../auth/senders-file.ts';
import type { ConfigurationError } from '../../config/configuration-error.ts';
import { takesPersonalTokens } from '../../config/rules/auth-rules.ts';
import type { Settings } from '../../config/schema/schema.ts';
import { readTlsFiles } from '../../http/connection/tls-files.ts';
import { tlsSettings } from '../../proxy/front-settings.ts';
import { errorCode, errorText } from '../../support/error-text.ts';

/** Every problem, in the order in which `serve` would meet it. */
export async function findStartProblems(settings: Settings): Promise<readonly ConfigurationError[]> {
  const checks: readonly (readonly [place: string, check: () => unknown])[] = [
    ['kafka.security.tls', () => checkKafkaTls(settings)],
    ['spool.path', () => checkSpoolFolder(settings.spool.path)],
    ['auth.senders_file', () => checkSenders(settings)],
    ['server.ssl_certfile', () => checkTls(settings)],
    ['server.host', () => checkHost(settings)],
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

function checkKafkaTls({ kafka }: Settings): void {
  const { enabled, caFile, certFile, keyFile, keyPassword } = kafka.security.tls;
  if (!enabled) return;
  createSecureContext({
    ...(caFile !== undefined && { ca: readFileSync(caFile) }),
    ...(certFile !== undefined && { cert: readFileSync(certFile) }),
    ...(keyFile !== undefined && { key: readFileSync(keyFile) }),
    ...(keyPassword !== undefined && { passphrase: keyPassword }),
  });
}

/** The lock is not tried: a proxy that runs with the same settings has it. */
function checkSpoolFolder(path: string): void {
  if (exists(path)) {
    checkFolder(path);
    const topics = join(path, 'topics');
    if (exists(topics)) checkFolder(topics);
    return;
  }
  // The proxy also makes the folders above that are missing.
  let parent = dirname(path);
  while (!exists(parent) && parent !== dirname(parent)) parent = dirname(parent);
  checkFolder(parent);
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
