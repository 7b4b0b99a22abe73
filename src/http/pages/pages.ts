/** Pages, served by Fastify: the API page with its document, and answers to wrong paths and methods. */
import type { IncomingMessage, RequestListener } from 'node:http';
import swagger, { type StaticDocumentSpec } from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { errorBody, errorTable, refusal, type Refusal } from '../../errors.ts';
import type { KnownSender } from '../../pipeline/arrival.ts';
import type { Observer } from '../../pipeline/observer.ts';
import type { Answers } from '../answer.ts';
import { requestIdOf } from '../connection/request-head.ts';
import { localUrl, pathOf, paths } from '../paths.ts';
import { openapiDocument } from './openapi.ts';
import { discardBody, JSON_TYPE, refusalHeaders, setPageHeaders } from './page-answer.ts';
import { originOf, type ClientOf } from '../origin.ts';
import { PageReaders, TOO_MANY_READERS } from './page-readers.ts';

export interface PagesSettings {
  readonly rootPath: string;
  readonly requestIdHeader: string;
  /** True if `/docs` and `/openapi.json` are served. */
  readonly docs: boolean;
  /** True with TLS. Then answers tell browsers to use only HTTPS (`Strict-Transport-Security`). */
  readonly https: boolean;
}

/** The parts that the pages answer and report with. */
export interface PagesParts {
  readonly answers: Answers;
  readonly observer: Observer;
  /** The address of a request's client, for the log. */
  readonly clientOf: ClientOf;
  /** The sender of an event that was posted to a wrong path. Undefined if it is not recognised. */
  readonly senderOf: (request: IncomingMessage) => Promise<KnownSender | undefined>;
}

/** Builds the pages. The listener answers every request. Rejects if a plugin cannot be loaded. */
export async function createPages(settings: PagesSettings, parts: PagesParts): Promise<RequestListener> {
  const { answers, observer, senderOf } = parts;
  const refuse = (reply: FastifyReply, reason: Refusal, known?: KnownSender) =>
    refuseLogged(parts, reply, reason, known);
  const app: FastifyInstance = fastify({
    rewriteUrl: (request) => localUrl(request.url ?? '/', settings.rootPath),
    routerOptions: { ignoreTrailingSlash: true },
    genReqId: (request) => requestIdOf(request, settings.requestIdHeader),
    // E.g. a URL that cannot be decoded. Fastify calls no hook for it.
    frameworkErrors: (error, request, reply) => {
      addHeaders(request, reply);
      // The message has the whole URL. Its query may hold a secret, and the reason goes to the log.
      void refuse(reply, refusal('bad_request', error.message.replace(/\?[^']*/, '')));
    },
  });
  const addHeaders = (request: FastifyRequest, reply: FastifyReply) => {
    setPageHeaders(reply.raw, answers, request.id, settings.https);
  };
  const readers = new PageReaders();
  app.addHook('onRequest', (request, reply, done) => {
    addHeaders(request, reply);
    if (!isOfDocs(request.url) || readers.admit(reply.raw)) discardBody(request.raw, done);
    else void refuse(reply, TOO_MANY_READERS);
  });
  // No page takes a body, so no body is parsed.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.setNotFoundHandler(async (request, reply) => {
    const known = request.method === 'POST' ? await senderOf(request.raw) : undefined;
    return refuse(reply, missing(app, request), known);
  });
  app.setErrorHandler((error, request, reply) => {
    // E.g. a path that the server of static files does not accept.
    if (isClientError(error)) return refuse(reply, missing(app, request));
    observer.failed(request.id, error);
    return refuse(reply, refusal('internal'));
  });
  if (settings.docs) await addDocs(app, settings.rootPath);
  await app.ready();
  return (request, response) => app.routing(request, response);
}

/** True for the paths of the API page. `path` is without the root path. */
function isOfDocs(path: string): boolean {
  return path.startsWith(paths.docs.path) || path.startsWith(paths.openapi.path);
}

/** Adds the API page and its OpenAPI document. */
async function addDocs(app: FastifyInstance, rootPath: string): Promise<void> {
  const document = openapiDocument(rootPath);
  app.get(paths.openapi.path, () => document);
  if (!isOpenapi(document)) throw new Error('the OpenAPI document lacks its head');
  await app.register(swagger, { mode: 'static', specification: { document } });
  await app.register(swaggerUi, {
    routePrefix: paths.docs.path,
    indexPrefix: rootPath,
    theme: { title: 'http2kafka' },
    uiConfig: {
      // The default layout has a bar that offers to load other documents.
      layout: 'BaseLayout',
      tryItOutEnabled: true,
      defaultModelsExpandDepth: 0,
      validatorUrl: null,
    },
  });
}

/** The plugin's types know only OpenAPI 3.0, but the plugin only serves the document. */
function isOpenapi(document: object): document is StaticDocumentSpec['document'] {
  return 'openapi' in document && 'info' in document && 'paths' in document;
}

/** True for an error with a status 4xx. */
function isClientError(error: unknown): boolean {
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  return status >= 400 && status < 500;
}

/** 405 if the path exists for GET, otherwise 404. */
function missing(app: FastifyInstance, request: FastifyRequest): Refusal {
  const path = pathOf(request.url, '');
  if (app.hasRoute({ url: path, method: 'GET' })) {
    return refusal('method_not_allowed', `${request.method} is not possible here`, null, {
      allow: 'GET, HEAD',
    });
  }
  return refusal(
    'not_found',
    `There is nothing at ${path.slice(0, 200)}. Events go to POST ${paths.lineage.path}`,
  );
}

/** Answers with an error, and has the refusal logged. The log already has the error of a defect. */
function refuseLogged(
  { observer, clientOf }: PagesParts,
  reply: FastifyReply,
  reason: Refusal,
  known?: KnownSender,
): FastifyReply {
  const { request } = reply;
  const origin = () => originOf(request.raw, request.originalUrl, clientOf);
  if (reason.code !== 'internal') observer.requestRefused({ requestId: request.id, known, origin }, reason);
  return reply
    .code(errorTable[reason.code].status)
    .headers(refusalHeaders(reason))
    .type(JSON_TYPE)
    .send(errorBody(reason));
}
