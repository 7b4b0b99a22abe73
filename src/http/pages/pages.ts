/** What is not an event: monitoring, the API page and its document, and the answers to wrong paths and methods. */
import type { IncomingMessage, RequestListener } from 'node:http';
import helmet from '@fastify/helmet';
import swagger, { type StaticDocumentSpec } from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import type { Delivery } from '../../delivery/delivery.ts';
import { errorBody, errorTable, refusal, type Refusal } from '../../errors.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import type { Answers } from '../answer.ts';
import { originForm, pathOf, requestIdOf } from '../exchange.ts';
import { openapiDocument } from './openapi.ts';
import { hasBody } from '../connection/request-head.ts';
import { PageReaders } from './page-readers.ts';

export interface PagesSettings {
  readonly rootPath: string;
  readonly requestIdHeader: string;
  /** Are `/monitoring/metrics`, and `/docs` with `/openapi.json`, there at all? */
  readonly metrics: boolean;
  readonly docs: boolean;
  /** Is TLS spoken, so that browsers may be told never to come without it? */
  readonly https: boolean;
}

/** What is wrong with whom is asked about senders, by its name; empty when nothing is. */
export type AuthenticationProblems = () => Readonly<Record<string, string>>;

/** What a page may load: its own scripts, styles and pictures, and nothing that is written into it (CSP, level 3). */
const CONTENT_SECURITY_POLICY = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  // The API page has its smaller pictures in its stylesheet.
  imgSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
};

/** Builds the pages; the listener answers every request it is given. */
export async function createPages(
  settings: PagesSettings,
  delivery: Delivery,
  authenticationProblems: AuthenticationProblems | undefined,
  metrics: Metrics,
  answers: Answers,
  log: Logger,
): Promise<RequestListener> {
  const app: FastifyInstance = fastify({
    rewriteUrl: (request) => {
      const url = originForm(request.url ?? '/');
      const { rootPath } = settings;
      return rootPath !== '' && url.startsWith(`${rootPath}/`) ? url.slice(rootPath.length) : url;
    },
    genReqId: (request) => requestIdOf(request, settings.requestIdHeader),
    // An URL that cannot be decoded, say; no hook is called for it.
    frameworkErrors: (error, request, reply) => {
      addCommonHeaders(request, reply);
      void refuse(reply, refusal('bad_request', error.message));
    },
  });
  const addCommonHeaders = (request: FastifyRequest, reply: FastifyReply) => {
    const common = answers.commonHeaders(request.id);
    for (let i = 0; i + 1 < common.length; i += 2) reply.header(common[i] ?? '', common[i + 1]);
  };
  const readers = new PageReaders();
  app.addHook('onRequest', (request, reply, done) => {
    addCommonHeaders(request, reply);
    // What is true now only; files that stay the same say so themselves.
    reply.header('cache-control', 'no-store');
    if (readers.admit(request.url, reply.raw)) onceRead(request.raw, done);
    else void refuse(reply, refusal('unavailable', 'Too many are reading this page'));
  });
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: CONTENT_SECURITY_POLICY },
    strictTransportSecurity: settings.https,
    // Browsers complain of these two where there is no TLS.
    crossOriginOpenerPolicy: settings.https,
    originAgentCluster: settings.https,
    xFrameOptions: { action: 'deny' },
  });
  // No page takes a body, so none is looked at, whatever it is.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.setNotFoundHandler((request, reply) => refuse(reply, missing(app, request)));
  app.setErrorHandler((error, request, reply) => {
    // What the server of files does not want to look for.
    if (isClientError(error)) return refuse(reply, missing(app, request));
    log.error({ err: error, requestId: request.id }, 'internal error');
    return refuse(reply, refusal('internal'));
  });
  addMonitoring(app, settings, delivery, authenticationProblems, metrics);
  if (settings.docs) await addDocs(app, settings.rootPath);
  await app.ready();
  return (request, response) => app.routing(request, response);
}

/**
 * Passes over the body, if there is one, before the answer: a connection that is closed while its client still sends may be
 * reset before the answer is read (RFC 9112 §9.6). Whoever asks whether to send is told by the answer.
 */
function onceRead(request: IncomingMessage, done: () => void): void {
  if (hasBody(request) && request.headers.expect === undefined) request.once('end', done).resume();
  else done();
}

function addMonitoring(
  app: FastifyInstance,
  settings: PagesSettings,
  delivery: Delivery,
  authenticationProblems: AuthenticationProblems | undefined,
  metrics: Metrics,
): void {
  // What Data.Rentgen's answers; its users' checks may look at the text.
  app.get('/monitoring/ping', () => ({ status: 'ok' }));
  app.get('/monitoring/ready', (_request, reply) => {
    const { problem, state, kafkaProblem, spooledEvents, spooledBytes } = delivery.status;
    const details = {
      state,
      kafka: kafkaProblem ?? 'ok',
      spool: { events: spooledEvents, bytes: spooledBytes },
      // Senders who were recognised before are so still: not a reason to take no events at all.
      ...(authenticationProblems && { senders: sendersState(authenticationProblems()) }),
    };
    if (problem === undefined) return { status: 'ok', ...details };
    return refuse(reply, refusal('unavailable', `Events cannot be kept now: ${problem}`, details));
  });
  if (!settings.metrics) return;
  app.get('/monitoring/metrics', async (request, reply) => {
    delivery.measure();
    const text = await metrics.registry.metrics();
    const openMetrics = request.headers.accept?.includes('application/openmetrics-text') === true;
    return openMetrics
      ? reply.header('content-type', Registry.OPENMETRICS_CONTENT_TYPE).send(toOpenMetrics(text))
      : reply.header('content-type', Registry.PROMETHEUS_CONTENT_TYPE).send(text);
  });
}

function sendersState(problems: Readonly<Record<string, string>>): unknown {
  return Object.keys(problems).length === 0 ? 'ok' : problems;
}

/**
 * OpenMetrics from Prometheus' text, which differ in how a counter is announced and how the text ends. prom-client's own
 * OpenMetrics renames the counters for good, so that whoever asks for Prometheus' text after that finds other names.
 */
function toOpenMetrics(text: string): string {
  const renamed = text.replace(
    /^# HELP (\S+)_total (.*)\n# TYPE \1_total counter$/gm,
    '# HELP $1 $2\n# TYPE $1 counter',
  );
  return `${renamed.replaceAll('\n\n', '\n')}# EOF\n`;
}

async function addDocs(app: FastifyInstance, rootPath: string): Promise<void> {
  const document = openapiDocument(rootPath);
  app.get('/openapi.json', () => document);
  if (!isOpenapi(document)) throw new Error('the OpenAPI document lacks its head');
  await app.register(swagger, { mode: 'static', specification: { document } });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    indexPrefix: rootPath,
    theme: { title: 'http2kafka' },
    uiConfig: {
      // Without the bar on top, which offers to load documents from elsewhere.
      layout: 'BaseLayout',
      tryItOutEnabled: true,
      defaultModelsExpandDepth: 0,
      validatorUrl: null,
    },
  });
}

/** The plugin's types know OpenAPI 3.0; what it does with a document is to serve it. */
function isOpenapi(document: object): document is StaticDocumentSpec['document'] {
  return 'openapi' in document && 'info' in document && 'paths' in document;
}

function isClientError(error: unknown): boolean {
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  return status >= 400 && status < 500;
}

function missing(app: FastifyInstance, request: FastifyRequest): Refusal {
  const path = pathOf(request.url, '');
  if (app.hasRoute({ url: path, method: 'GET' })) {
    return refusal('method_not_allowed', `${request.method} is not possible here`, null, {
      allow: 'GET, HEAD',
    });
  }
  return refusal('not_found', `There is nothing at ${path.slice(0, 200)}. Events go to POST /api/v1/lineage`);
}

function refuse(reply: FastifyReply, reason: Refusal): FastifyReply {
  const { status } = errorTable[reason.code];
  if (status === 503) reply.header('retry-after', '1');
  return reply
    .code(status)
    .headers({ ...reason.headers })
    .type('application/json')
    .send(errorBody(reason));
}
