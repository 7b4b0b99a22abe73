import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { Certificate } from '../../../tools/certificates.ts';
import { freePorts } from '../../../tools/kafka/ports.ts';

/** The path of an issuer's description (OpenID Connect Discovery 1.0 §4). */
const DISCOVERY = '/.well-known/openid-configuration';

/** An OpenID provider with answers that a test sets: real providers do not give them. */
export class KeyServer {
  /** The issuer in its description. */
  issuer: string;
  /** The keys of its key set. */
  keys: unknown[] = [];
  /** The paths of all requests. */
  readonly paths: string[] = [];
  /** Handles later requests in place of the usual answers. */
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

  /** The number of requests for its keys. */
  get keyRequests(): number {
    return this.paths.filter((path) => path === '/keys').length;
  }

  /** Listens, also after `stop`. */
  async start(): Promise<void> {
    const handle: RequestListener = (request, response) => {
      this.paths.push(request.url ?? '');
      (this.answer ?? this.#answerRight)(request, response);
    };
    this.#server = this.#certificate
      ? createSecureServer({ cert: this.#certificate.pem, key: this.#certificate.keyPem }, handle)
      : createServer(handle);
    await once(this.#server.listen(this.#port, '127.0.0.1'), 'listening');
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (!server?.listening) return;
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }

  readonly #answerRight: RequestListener = ({ url = '' }, response) => {
    const { issuer, jwksUri, keys } = this;
    const path = new URL(issuer).pathname.replace(/\/$/, '');
    if (url === `${path}${DISCOVERY}`) response.end(JSON.stringify({ issuer, jwks_uri: jwksUri }));
    else if (url === '/keys') response.end(JSON.stringify({ keys }));
    else response.writeHead(404).end();
  };
}

/** Starts a server on a free port of 127.0.0.1; with a certificate, over TLS. */
export async function startKeyServer(path = '', certificate?: Certificate): Promise<KeyServer> {
  const [port = 0] = await freePorts(1);
  const server = new KeyServer(port, path, certificate);
  await server.start();
  return server;
}
