/** Asks the proxy that runs with these settings on this machine. */
import { readFileSync } from 'node:fs';
import http, { type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import { buffer } from 'node:stream/consumers';
import type { Settings } from '../../config/schema/schema.ts';
import { paths } from '../../http/paths.ts';
import { addressOf, urlOf } from '../../proxy/listening.ts';
import { errorText } from '../../support/error-text.ts';
import { printable } from '../../support/printable.ts';
import { WRONG_USAGE, type CommandCall } from '../command.ts';

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

/** Where the proxy is asked. */
interface Target {
  readonly address: RequestOptions;
  /** Options of TLS; undefined for plain HTTP. */
  readonly tls: https.RequestOptions | undefined;
  /** For the output, followed by the path. */
  readonly shown: string;
}

/**
 * Prints the answer. Returns the exit code: 0 for the status 200, else 1. A proxy with a listener of its own for
 * monitoring is asked there.
 */
export async function askHealth(
  { server }: Settings,
  { isReady, timeoutMs }: Question,
  { options, failed }: CommandCall,
): Promise<number> {
  const path = (server.rootPath ?? '') + (isReady ? paths.ready : paths.ping).path;
  const signal = AbortSignal.timeout(timeoutMs);
  let asked = path;
  try {
    const target = targetOf(server);
    if (!target) {
      return failed(
        'server.port is 0: the port of the running proxy is not known. Name it with --port.',
        WRONG_USAGE,
      );
    }
    asked = target.shown + path;
    const answer = await get(target, path, signal);
    const status = answer.statusCode ?? 0;
    const body = printable((await buffer(answer)).toString().trim()).slice(0, MAX_SHOWN);
    const text = `${asked} answers ${status}${body === '' ? '' : `: ${body}`}`;
    if (options.has('--json')) console.log(JSON.stringify({ asked, status, body }));
    else if (status === 200) console.log(text);
    else console.error(text);
    return status === 200 ? 0 : 1;
  } catch (error) {
    const reason = signal.aborted ? `no answer within ${timeoutMs / 1000} s` : errorText(error);
    const isTls = server.sslCertfile !== undefined && !hasOwnListener(server);
    const needsCertificate = isTls && server.sslCertReqs === 'required' && !signal.aborted;
    return failed(
      `${asked}: ${reason}${needsCertificate ? '. The proxy demands a client certificate (server.ssl_cert_reqs), and may have refused its own.' : ''}`,
    );
  }
}

/** True if monitoring has a port that is known before the start. */
function hasOwnListener({ monitoring: { port } }: Server): boolean {
  return port !== undefined && port !== 0;
}

/**
 * Undefined if the proxy listens on a port that the system chose.
 * @throws if a file for TLS cannot be read.
 */
function targetOf(server: Server): Target | undefined {
  const { monitoring } = server;
  if (hasOwnListener(server)) {
    const { port = 0 } = monitoring;
    const host = reachable(monitoring.host);
    return { address: { host, port }, tls: undefined, shown: urlOf('http', host, port) };
  }
  const tls = server.sslCertfile === undefined ? undefined : tlsOptions(server);
  const host = reachable(server.host);
  const shown = addressOf({ ...server, host });
  if (server.uds !== undefined) return { address: { socketPath: server.uds }, tls, shown: `${shown} ` };
  if (server.port === 0) return undefined;
  return { address: { host, port: server.port }, tls, shown };
}

async function get({ address, tls }: Target, path: string, signal: AbortSignal): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const options: RequestOptions = { ...address, path, signal, agent: false };
  const request = tls ? https.request({ ...options, ...tls }, resolve) : http.request(options, resolve);
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

/** The host to connect to, for a host to listen on. */
function reachable(host: string): string {
  return LOOPBACK[host] ?? host;
}
