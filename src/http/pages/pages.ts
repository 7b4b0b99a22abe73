/** What is not an event: monitoring, the API page and its document, and the answers to wrong paths and methods. */
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
import { originForm, pathOf, paths, withoutRootPath } from '../paths.ts';
import { PageReaders } from './page-readers.ts';

export interface PagesSettings {
  /** The topic of events that no routing rule is about: the proxy is ready while it can keep these. */
  readonly mainTopic: string;
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

/** What the pages show, and how they answer. */
export interface PagesParts {
  readonly delivery: DeliveryStatus;
  readonly authenticationProblems: AuthenticationProblems | undefined;
  readonly metrics: Metrics;
  readonly answers: Answers;
  readonly observer: Observer;
}

/** Builds the pages; the listener answers every request it is given. */
export async function createPages(settings: PagesSettings, parts: PagesParts): Promise<RequestListener> {
  const { answers, observer } = parts;
  const app: FastifyInstance = fastify({
    rewriteUrl: (request) => withoutRootPath(originForm(request.url ?? '/'), settings.rootPath),
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
    observer.failed(request.id, error);
    return refuse(reply, refusal('internal'));
  });
  addMonitoring(app, settings, parts);
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

function addMonitoring(app: FastifyInstance, settings: PagesSettings, parts: PagesParts): void {
  const { delivery, authenticationProblems, metrics } = parts;
  // Data.Rentgen's answer: its users' checks may read the text.
  app.get(paths.ping.path, () => ({ status: 'ok' }));
  app.get(paths.ready.path, (_request, reply) => {
    const { problem, state, kafkaProblem } = delivery.statusOf(settings.mainTopic);
    const inTrouble = delivery.topics.filter((topic) => topic.problem ?? topic.kafkaProblem);
    const details = {
      state,
      kafka: kafkaProblem ?? 'ok',
      spool: { events: delivery.spooledEvents, bytes: delivery.spooledBytes },
      ...(inTrouble.length > 0 && { topics: Object.fromEntries(inTrouble.map(describeTopic)) }),
      // Senders that were recognised before stay recognised: no reason to take no events at all.
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

/** One topic that is in trouble, for `/monitoring/ready`. */
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
  app.get(paths.openapi.path, () => document);
  if (!isOpenapi(document)) throw new Error('the OpenAPI document lacks its head');
  await app.register(swagger, { mode: 'static', specification: { document } });
  await app.register(swaggerUi, {
    routePrefix: paths.docs.path,
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
  return refusal(
    'not_found',
    `There is nothing at ${path.slice(0, 200)}. Events go to POST ${paths.lineage.path}`,
  );
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
