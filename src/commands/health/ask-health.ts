/** Asks the proxy that runs with these settings on this machine. */
import { readFileSync } from 'node:fs';
import http, { type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import { buffer } from 'node:stream/consumers';
import type { Settings } from '../../config/schema/schema.ts';
import { paths } from '../../http/paths.ts';
import { addressOf } from '../../proxy/listening.ts';
import { errorText } from '../../support/error-text.ts';
import { printable } from '../../support/printable.ts';
import { WRONG_USAGE } from '../command.ts';

type Server = Settings['server'];

export interface Question {
  readonly isReady: boolean;
  /** For the connection and the whole answer. */
  readonly timeoutMs: number;
}

/** More of an answer does not help. */
const MAX_SHOWN = 4000;

/** A proxy that listens on all addresses also listens on these. */
const LOOPBACK: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/** Prints the answer. Returns the exit code: 0 for the status 200, else 1. */
export async function askHealth({ server }: Settings, { isReady, timeoutMs }: Question): Promise<number> {
  if (server.uds === undefined && server.port === 0) {
    console.error('server.port is 0: the port of the running proxy is not known. Name it with --port.');
    return WRONG_USAGE;
  }
  const path = (server.rootPath ?? '') + (isReady ? paths.ready : paths.ping).path;
  const asked = `${addressOf({ ...server, host: hostOf(server) })}${server.uds === undefined ? '' : ' '}${path}`;
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const answer = await get(server, path, signal);
    const body = printable((await buffer(answer)).toString().trim()).slice(0, MAX_SHOWN);
    const text = `${asked} answers ${answer.statusCode ?? 0}${body === '' ? '' : `: ${body}`}`;
    if (answer.statusCode === 200) console.log(text);
    else console.error(text);
    return answer.statusCode === 200 ? 0 : 1;
  } catch (error) {
    const reason = signal.aborted ? `no answer within ${timeoutMs / 1000} s` : errorText(error);
    const needsCertificate = server.sslCertReqs === 'required' && !signal.aborted;
    console.error(
      `${asked}: ${reason}${needsCertificate ? '. The proxy demands a client certificate (server.ssl_cert_reqs), and may have refused its own.' : ''}`,
    );
    return 1;
  }
}

async function get(server: Server, path: string, signal: AbortSignal): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const address =
    server.uds === undefined ? { host: hostOf(server), port: server.port } : { socketPath: server.uds };
  const options: RequestOptions = { ...address, path, signal, agent: false };
  const request =
    server.sslCertfile === undefined
      ? http.request(options, resolve)
      : https.request({ ...options, ...tlsOptions(server) }, resolve);
  request.on('error', reject).end();
  return promise;
}

/**
 * The certificate of the proxy is not checked: it names the public host, not this machine, and the request has no secret.
 * A proxy that demands a client certificate gets its own, the only one at hand.
 */
function tlsOptions({
  sslCertfile,
  sslKeyfile,
  sslKeyfilePassword,
  sslCertReqs,
}: Server): https.RequestOptions {
  if (sslCertReqs !== 'required' || sslCertfile === undefined || sslKeyfile === undefined) {
    return { rejectUnauthorized: false };
  }
  return {
    rejectUnauthorized: false,
    cert: readFileSync(sslCertfile),
    key: readFileSync(sslKeyfile),
    ...(sslKeyfilePassword !== undefined && { passphrase: sslKeyfilePassword }),
  };
}

function hostOf({ host }: Server): string {
  return LOOPBACK[host] ?? host;
}
