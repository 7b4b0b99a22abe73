import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Certificate } from '../../../tools/certificates.ts';
import { freePorts } from '../../../tools/kafka/settings.ts';

/** Where an issuer's description is (OpenID Connect Discovery 1.0 §4). */
const DISCOVERY = '/.well-known/openid-configuration';

/** An OpenID provider that says whatever a test wants it to, for what no real one would say. */
export class KeyServer {
  /** As it calls itself. */
  issuer: string;
  /** What its key set has. */
  keys: unknown[] = [];
  /** The paths that were asked for. */
  readonly paths: string[] = [];
  /** Answers in its place, from now on. */
  answer: RequestListener | undefined;
  readonly origin: string;
  readonly #port: number;
  readonly #certificate: Certificate | undefined;
  #server: Server | undefined;

  constructor(port: number, path: string, certificate: Certificate | undefined) {
    this.origin = `${certificate ? 'https' : 'http'}://127.0.0.1:${port}`;
    this.issuer = this.origin + path;
    this.#port = port;
    this.#certificate = certificate;
  }

  get jwksUri(): string {
    return `${this.origin}/keys`;
  }

  /** How often its keys were asked for. */
  get keyRequests(): number {
    return this.paths.filter((path) => path === '/keys').length;
  }

  /** Listens, again. */
  async comeBack(): Promise<void> {
    const handle: RequestListener = (request, response) => {
      this.paths.push(request.url ?? '');
      (this.answer ?? this.#answerWell)(request, response);
    };
    this.#server = this.#certificate
      ? createSecureServer({ cert: this.#certificate.pem, key: this.#certificate.keyPem }, handle)
      : createServer(handle);
    await once(this.#server.listen(this.#port, '127.0.0.1'), 'listening');
  }

  async goAway(): Promise<void> {
    const server = this.#server;
    if (!server?.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }

  readonly #answerWell: RequestListener = ({ url = '' }, response) => {
    const { issuer, jwksUri, keys } = this;
    const path = new URL(issuer).pathname.replace(/\/$/, '');
    if (url === `${path}${DISCOVERY}`) response.end(JSON.stringify({ issuer, jwks_uri: jwksUri }));
    else if (url === '/keys') response.end(JSON.stringify({ keys }));
    else response.writeHead(404).end();
  };
}

/** Starts one on a free port of 127.0.0.1; with a certificate, over TLS. */
export async function startKeyServer(path = '', certificate?: Certificate): Promise<KeyServer> {
  const [port = 0] = await freePorts(1);
  const server = new KeyServer(port, path, certificate);
  await server.comeBack();
  return server;
}
