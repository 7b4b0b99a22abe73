/** Pages, served by Fastify: monitoring, the API page with its document, and answers to wrong paths and methods. */
import type { IncomingMessage, RequestListener } from 'node:http';
import helmet from '@fastify/helmet';
import swagger, { type StaticDocumentSpec } from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { Registry } from 'prom-client';
import type { DeliveryStatus, TopicStatus } from '../../delivery/port.ts';
import { errorBody, errorTable, refusal, type Refusal } from '../../errors.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import type { Observer } from '../../pipeline/observer.ts';
import type { Answers } from '../answer.ts';
import { openapiDocument } from './openapi.ts';
import { hasBody, requestIdOf } from '../connection/request-head.ts';
import { localUrl, pathOf, paths } from '../paths.ts';
import { PageReaders } from './page-readers.ts';

export interface PagesSettings {
  /** The topic of events that match no routing rule. The proxy is ready while it can keep these. */
  readonly mainTopic: string;
  readonly rootPath: string;
  readonly requestIdHeader: string;
  /** True if `/monitoring/metrics` is served. */
  readonly metrics: boolean;
  /** True if `/docs` and `/openapi.json` are served. */
  readonly docs: boolean;
  /** True with TLS. Then answers tell browsers to use only HTTPS (`Strict-Transport-Security`). */
  readonly https: boolean;
}

/** The problems of what recognises senders (e.g. `database`, `oidc`), by name. Empty if there are none. */
export type AuthenticationProblems = () => Readonly<Record<string, string>>;

/** A page may load only its own scripts, styles and images. No inline scripts or styles (CSP, level 3). */
const CONTENT_SECURITY_POLICY = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  // The API page has its smaller images in its stylesheet.
  imgSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  frameAncestors: ["'none'"],
};

/** The parts that the pages show, and that they answer and report with. */
export interface PagesParts {
  readonly delivery: DeliveryStatus;
  readonly authenticationProblems: AuthenticationProblems | undefined;
  readonly metrics: Metrics;
  readonly answers: Answers;
  readonly observer: Observer;
}

/** Builds the pages. The listener answers every request. Rejects if a plugin cannot be loaded. */
export async function createPages(settings: PagesSettings, parts: PagesParts): Promise<RequestListener> {
  const { answers, observer } = parts;
  const app: FastifyInstance = fastify({
    rewriteUrl: (request) => localUrl(request.url ?? '/', settings.rootPath),
    routerOptions: { ignoreTrailingSlash: true },
    genReqId: (request) => requestIdOf(request, settings.requestIdHeader),
    // E.g. a URL that cannot be decoded. Fastify calls no hook for it.
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
    // Pages show the state of the moment. Static files set their own header.
    reply.header('cache-control', 'no-store');
    if (readers.admit(request.url, reply.raw)) discardBody(request.raw, done);
    else void refuse(reply, refusal('unavailable', 'Too many clients are reading this page'));
  });
  await app.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: CONTENT_SECURITY_POLICY },
    strictTransportSecurity: settings.https,
    // Without TLS, browsers warn about these two headers.
    crossOriginOpenerPolicy: settings.https,
    originAgentCluster: settings.https,
    xFrameOptions: { action: 'deny' },
  });
  // No page takes a body, so no body is parsed.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.setNotFoundHandler((request, reply) => refuse(reply, missing(app, request)));
  app.setErrorHandler((error, request, reply) => {
    // E.g. a path that the server of static files does not accept.
    if (isClientError(error)) return refuse(reply, missing(app, request));
    observer.failed(request.id, error);
    return refuse(reply, refusal('internal'));
  });
  addMonitoring(app, settings, parts);
  if (settings.docs) await addDocs(app, settings.rootPath);
  await app.ready();
  return (request, response) => app.routing(request, response);
}

/**
 * Reads and discards the body, if there is one, before the answer. A connection that is closed while its client still
 * sends may be reset before the client has read the answer (RFC 9112 §9.6). A client that waits for "100 Continue" gets
 * the answer instead.
 */
function discardBody(request: IncomingMessage, done: () => void): void {
  if (hasBody(request) && request.headers.expect === undefined) request.once('end', done).resume();
  else done();
}

/** Adds `ping`, `ready` and `metrics`. */
function addMonitoring(app: FastifyInstance, settings: PagesSettings, parts: PagesParts): void {
  const { delivery, authenticationProblems, metrics } = parts;
  // The answer of Data.Rentgen: its users' health checks may read the text.
  app.get(paths.ping.path, () => ({ status: 'ok' }));
  app.get(paths.ready.path, (_request, reply) => {
    const { problem, state, kafkaProblem } = delivery.statusOf(settings.mainTopic);
    const withProblem = delivery.topics.filter((topic) => topic.problem ?? topic.kafkaProblem);
    const details = {
      state,
      kafka: kafkaProblem ?? 'ok',
      spool: { events: delivery.spooledEvents, bytes: delivery.spooledBytes },
      ...(withProblem.length > 0 && { topics: Object.fromEntries(withProblem.map(describeTopic)) }),
      // Not a reason to be unready: senders that were recognised before stay recognised.
      ...(authenticationProblems && { senders: sendersState(authenticationProblems()) }),
    };
    if (problem === undefined) return { status: 'ok', ...details };
    return refuse(reply, refusal('unavailable', `Events cannot be kept now: ${problem}`, details));
  });
  if (!settings.metrics) return;
  app.get(paths.metrics.path, async (request, reply) => {
    delivery.measure();
    const text = await metrics.registry.metrics();
    const openMetrics = request.headers.accept?.includes('application/openmetrics-text') === true;
    return openMetrics
      ? reply.header('content-type', Registry.OPENMETRICS_CONTENT_TYPE).send(toOpenMetrics(text))
      : reply.header('content-type', Registry.PROMETHEUS_CONTENT_TYPE).send(text);
  });
}

/** The state of a topic with a problem, for `/monitoring/ready`. */
function describeTopic(status: TopicStatus): [string, object] {
  const { topic, state, kafkaProblem, problem, spooledEvents, spooledBytes } = status;
  const details = {
    state,
    kafka: kafkaProblem ?? 'ok',
    spool: { events: spooledEvents, bytes: spooledBytes },
    ...(problem !== undefined && { problem }),
  };
  return [topic, details];
}

function sendersState(problems: Readonly<Record<string, string>>): unknown {
  return Object.keys(problems).length === 0 ? 'ok' : problems;
}

/**
 * Turns the text format of Prometheus into that of OpenMetrics. They differ in the metadata of counters and in the end.
 * The OpenMetrics of prom-client renames the counters in the registry, also for later reads of Prometheus' text.
 */
function toOpenMetrics(text: string): string {
  const renamed = text.replace(
    /^# HELP (\S+)_total (.*)\n# TYPE \1_total counter$/gm,
    '# HELP $1 $2\n# TYPE $1 counter',
  );
  return `${renamed.replaceAll('\n\n', '\n')}# EOF\n`;
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

/** Answers with an error. */
function refuse(reply: FastifyReply, reason: Refusal): FastifyReply {
  const { status } = errorTable[reason.code];
  if (status === 503) reply.header('retry-after', '1');
  return reply
    .code(status)
    .headers({ ...reason.headers })
    .type('application/json')
    .send(errorBody(reason));
}
