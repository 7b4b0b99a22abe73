/** Imitations of the services where the libraries of the clouds get credentials. */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { CloudToken } from '../../../../src/kafka/login/cloud/cloud-token.ts';
import type { CloudProvider } from '../../../../src/kafka/login/cloud/library.ts';
import type { IssuedToken } from '../../../../src/kafka/login/token-source.ts';
import { CertificateAuthority } from '../../../../tools/certificates.ts';
import { connectProxy } from '../../../stage/connect-proxy.ts';

/** A request that an imitated service has got. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  /** The body, as a form. */
  readonly form: URLSearchParams;
}

/** What the service answers: a status and a body, which is JSON unless it is text. */
export type Answer = readonly [status: number, body: unknown];

export interface Imitation {
  readonly port: number;
  readonly url: string;
  readonly asked: readonly Asked[];
}

export interface Wishes {
  /** By default a free one. */
  readonly port?: number;
  /** With an authority it speaks TLS, under these names. */
  readonly tls?: { readonly authority: CertificateAuthority; readonly hosts: readonly string[] };
}

/** Starts a service on 127.0.0.1 that ends with the test. What `answer` does not know is answered 404. */
export async function imitate(
  test: TestContext,
  answer: (asked: Asked) => Answer | undefined,
  { port = 0, tls }: Wishes = {},
): Promise<Imitation> {
  const asked: Asked[] = [];
  const respond = async (request: IncomingMessage, response: ServerResponse) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://service');
    const one: Asked = {
      method: request.method ?? '',
      path: pathname,
      query: searchParams,
      headers: request.headers,
      form: new URLSearchParams(await text(request)),
    };
    asked.push(one);
    const [status, body] = answer(one) ?? [404, { error: 'not found' }];
    response.statusCode = status;
    // Google's libraries believe a metadata service only with this header.
    response.setHeader('metadata-flavor', 'Google');
    response.setHeader('content-type', typeof body === 'string' ? 'text/plain' : 'application/json');
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
  const listener = (request: IncomingMessage, response: ServerResponse) => void respond(request, response);
  const certificate = tls && (await tls.authority.issue({ name: 'service', hosts: tls.hosts }));
  const server = certificate
    ? createSecureServer({ cert: certificate.pem, key: certificate.keyPem }, listener)
    : createServer(listener);
  await once(server.listen(port, '127.0.0.1'), 'listening');
  test.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  const used = typeof address === 'object' ? (address?.port ?? 0) : 0;
  return { port: used, url: `${tls ? 'https' : 'http'}://127.0.0.1:${used}`, asked };
}

/** A folder that is removed after the test, and a function that writes a file into it and returns its path. */
export function folderOf(test: TestContext): (name: string, content: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-cloud-'));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  return (name, content) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
}

/**
 * No library finds a service of a cloud by chance: all addresses of such services are closed ports of this machine. A test overrides
 * what it imitates.
 */
export const NOWHERE: Readonly<Record<string, string>> = {
  HOME: '/nonexistent',
  AWS_EC2_METADATA_SERVICE_ENDPOINT: 'http://127.0.0.1:1',
  AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:1',
  AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:1',
  AZURE_TOKEN_CREDENTIALS: 'prod',
  GCE_METADATA_HOST: '127.0.0.1:1',
  METADATA_SERVER_DETECTION: 'ping-only',
  HTTPS_PROXY: 'http://127.0.0.1:1',
  // Azure's and Google's libraries ask the metadata service through the proxy as well.
  NO_PROXY: '127.0.0.1',
};

/** The environment of the test, as the libraries read it. It has only `NOWHERE` and these variables. */
export function environment(test: TestContext, variables: Readonly<Record<string, string>>): void {
  const before = { ...process.env };
  test.after(() => (process.env = before));
  process.env = { ...NOWHERE, ...variables };
}

/**
 * A service of the internet, imitated: HTTPS requests to these hosts reach it through an HTTP proxy. This process trusts its
 * certificate. Returns the environment for it.
 */
export async function imitateHosts(
  test: TestContext,
  hosts: readonly string[],
  answer: (asked: Asked) => Answer | undefined,
): Promise<{ readonly service: Imitation; readonly variables: Readonly<Record<string, string>> }> {
  const authority = await CertificateAuthority.create();
  const trusted = getCACertificates('default');
  setDefaultCACertificates([...trusted, authority.pem]);
  test.after(() => setDefaultCACertificates(trusted));
  const service = await imitate(test, answer, { tls: { authority, hosts } });
  const proxy = await connectProxy(test, 200, service.port);
  return { service, variables: { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` } };
}

/** A token of this source, once. */
export async function issued(settings: ConstructorParameters<typeof CloudToken>[0]): Promise<IssuedToken> {
  return new CloudToken(settings).issue(Date.now());
}

/** Settings of a cloud in the tests. */
export function cloud(provider: CloudProvider, more: { account?: string } = {}) {
  const scope = 'https://lineage.servicebus.windows.net/.default';
  return { provider, scope, region: 'eu-central-1', account: undefined, ...more };
}
