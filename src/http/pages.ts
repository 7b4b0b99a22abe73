/** What is not an event: monitoring, the API page and its document, and the answers to wrong paths and methods. */
import type { RequestListener } from 'node:http';
import swagger, { type StaticDocumentSpec } from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import type { Delivery } from '../delivery/delivery.ts';
import { errorBody, errorTable, refusal, type Refusal } from '../errors.ts';
import type { Metrics } from '../metrics.ts';
import type { Answers } from './answer.ts';
import { pathOf, requestIdOf } from './exchange.ts';
import { openapiDocument } from './openapi.ts';

export interface PagesSettings {
  readonly rootPath: string;
  readonly requestIdHeader: string;
  /** Are `/monitoring/metrics`, and `/docs` with `/openapi.json`, there at all? */
  readonly metrics: boolean;
  readonly docs: boolean;
}

/** Builds the pages; the listener answers every request it is given. */
export async function createPages(
  settings: PagesSettings,
  delivery: Delivery,
  metrics: Metrics,
  answers: Answers,
  log: Logger,
): Promise<RequestListener> {
  const app: FastifyInstance = fastify({
    rewriteUrl: (request) => {
      const url = request.url ?? '/';
      const { rootPath } = settings;
      return rootPath !== '' && url.startsWith(`${rootPath}/`) ? url.slice(rootPath.length) : url;
    },
    genReqId: (request) => requestIdOf(request, settings.requestIdHeader),
  });
  app.addHook('onRequest', async (request, reply) => {
    const common = answers.commonHeaders(request.id);
    for (let i = 0; i + 1 < common.length; i += 2) reply.header(common[i] ?? '', common[i + 1]);
    await Promise.resolve();
  });
  app.setNotFoundHandler((request, reply) => refuse(reply, missing(app, request)));
  app.setErrorHandler((error, request, reply) => {
    log.error({ err: error, requestId: request.id }, 'internal error');
    return refuse(reply, refusal('internal'));
  });
  addMonitoring(app, settings, delivery, metrics);
  if (settings.docs) await addDocs(app, settings.rootPath);
  await app.ready();
  return (request, response) => app.routing(request, response);
}

function addMonitoring(
  app: FastifyInstance,
  settings: PagesSettings,
  delivery: Delivery,
  metrics: Metrics,
): void {
  // What Data.Rentgen's answers; its users' checks may look at the text.
  app.get('/monitoring/ping', () => ({ status: 'ok' }));
  app.get('/monitoring/ready', (_request, reply) => {
    const { problem } = delivery;
    if (problem === undefined) return { status: 'ok' };
    return refuse(reply, refusal('unavailable', `Events cannot be kept now: ${problem}`));
  });
  if (!settings.metrics) return;
  app.get('/monitoring/metrics', async (request, reply) => {
    delivery.measure();
    const { registry } = metrics;
    const openMetrics = request.headers.accept?.includes('application/openmetrics-text') === true;
    registry.setContentType(
      openMetrics ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE,
    );
    const text = await registry.metrics();
    return reply.header('content-type', registry.contentType).send(text);
  });
}

async function addDocs(app: FastifyInstance, rootPath: string): Promise<void> {
  const document = openapiDocument(rootPath);
  app.get('/openapi.json', () => document);
  if (!isOpenapi(document)) throw new Error('the OpenAPI document lacks its head');
  await app.register(swagger, { mode: 'static', specification: { document } });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    uiConfig: { tryItOutEnabled: true, defaultModelsExpandDepth: 0, validatorUrl: null },
  });
}

/** The plugin's types know OpenAPI 3.0; what it does with a document is to serve it. */
function isOpenapi(document: object): document is StaticDocumentSpec['document'] {
  return 'openapi' in document && 'info' in document && 'paths' in document;
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
