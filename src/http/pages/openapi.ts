/** The OpenAPI document, made from the event schemas and the table of errors. */
import { errorTable, type ErrorCode } from '../../errors.ts';
import { eventSchemas } from '../../openlineage/event-schema.ts';
import { version } from '../../version.ts';
import { supportedEncodings } from '../events/content-encoding.ts';
import { paths } from '../paths.ts';
import { exampleDatasetEvent, exampleJobEvent, exampleRunEvent } from './openapi-examples.ts';

const json = (schema: object, examples?: object) => ({
  'application/json': { schema, ...(examples ? { examples } : {}) },
});
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const anyEvent = { anyOf: [ref('RunEvent'), ref('JobEvent'), ref('DatasetEvent')] };

const requestId = {
  name: 'X-Request-ID',
  in: 'header',
  required: false,
  description:
    'The id of the request: 1 to 128 letters, digits and `._~:@=+/-`. Otherwise the proxy makes one. It is in the answer, the log and the record.',
  schema: { type: 'string' },
};
const contentEncoding = {
  name: 'Content-Encoding',
  in: 'header',
  required: false,
  description: 'How the body is compressed.',
  schema: { enum: ['identity', ...supportedEncodings.split(', ')] },
};

/** Ways to authenticate. None is needed where the proxy lets every client send. */
const securitySchemes = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description:
      'An API key, an access token of the OpenID provider, or a personal token of Data.Rentgen with `personal_token_` before it.',
  },
  certificate: { type: 'mutualTLS', description: 'A client certificate, on a connection with TLS.' },
};
const security = [{}, { bearer: [] }, { certificate: [] }];

const delivery = (kinds: readonly string[]) => ({
  required: true,
  description:
    '`kafka`: all in-sync replicas of Kafka have acknowledged the record. `spool`: the event is on disk, synced, and will be delivered. `dead-letter`: the event is kept for the dead-letter topic, because it is not valid (`check.invalid: dead-letter`) or a routing rule says so. `dropped`: a routing rule drops the event.',
  schema: { enum: kinds },
});

const ruleName = {
  required: true,
  description: 'The name of the routing rule.',
  schema: { type: 'string' },
};

const eventErrors: readonly ErrorCode[] = [
  'bad_request',
  'unauthorized',
  'forbidden',
  'refused_by_rule',
  'request_timeout',
  'payload_too_large',
  'unsupported_media_type',
  'invalid_request',
  'too_many_requests',
  'headers_too_large',
  'internal',
  'unavailable',
];

/** By status. Two codes may have the same one. */
function errorResponses(codes: readonly ErrorCode[]): Record<string, object> {
  const statuses = new Set(codes.map((code) => errorTable[code].status));
  return Object.fromEntries(
    [...statuses].map((status) => {
      const those = codes.filter((code) => errorTable[code].status === status);
      const examples = those.map((code): [string, object] => [
        code,
        { value: { error: { code, message: errorTable[code].message, details: null } } },
      ]);
      return [
        String(status),
        {
          description: those.map((code) => `\`${code}\`: ${errorTable[code].when}`).join('\n\n'),
          content: json(ref('Error'), Object.fromEntries(examples)),
        },
      ];
    }),
  );
}

function postEvent(summary: string, operationId: string): object {
  const examples = {
    'run event': { value: exampleRunEvent },
    'job event': { value: exampleJobEvent },
    'dataset event': { value: exampleDatasetEvent },
  };
  return {
    post: {
      tags: ['Events'],
      summary,
      operationId,
      security,
      parameters: [requestId, contentEncoding],
      requestBody: { required: true, content: json(anyEvent, examples) },
      responses: {
        '200': {
          description: 'A routing rule drops the event: it is not kept. The body is empty.',
          headers: { 'X-Delivery': delivery(['dropped']), 'X-Routing-Rule': ruleName },
        },
        '201': {
          description: 'The event is kept. The header `X-Delivery` says where. The body is empty.',
          headers: { 'X-Delivery': delivery(['kafka', 'spool', 'dead-letter']) },
        },
        '202': {
          description:
            'Only with the setting `server.spooled_status: 202`: the event is kept, but not in Kafka yet. The body is empty.',
          headers: { 'X-Delivery': delivery(['spool', 'dead-letter']) },
        },
        ...errorResponses(eventErrors),
      },
    },
  };
}

const batchPath = {
  post: {
    tags: ['Events'],
    summary: 'Post many events',
    description:
      'Each valid element is forwarded as the exact bytes it has inside the array. An element that is not valid does not affect the others. The answer is 429 or 503 if no event is kept, and one may be kept later.',
    operationId: 'postEventBatch',
    security,
    parameters: [requestId, contentEncoding],
    requestBody: {
      required: true,
      content: json(
        { type: 'array', items: anyEvent },
        { 'two events': { value: [exampleRunEvent, exampleJobEvent] } },
      ),
    },
    responses: {
      '200': { description: 'The outcome of each event.', content: json(ref('BatchResult')) },
      ...errorResponses(eventErrors),
    },
  },
};

const get = (summary: string, responses: object) => ({ get: { tags: ['Monitoring'], summary, responses } });

const integer = { type: 'integer' };
const components = {
  securitySchemes,
  schemas: {
    ...eventComponents(),
    BatchResult: {
      type: 'object',
      required: ['status', 'summary', 'failed_events'],
      properties: {
        status: { enum: ['success', 'partial_success'] },
        summary: {
          type: 'object',
          required: ['received', 'successful', 'failed', 'retriable', 'non_retriable'],
          properties: {
            received: integer,
            successful: integer,
            failed: integer,
            retriable: integer,
            non_retriable: integer,
          },
        },
        failed_events: {
          type: 'array',
          items: {
            type: 'object',
            required: ['index', 'reason', 'retriable'],
            properties: { index: integer, reason: { type: 'string' }, retriable: { type: 'boolean' } },
          },
        },
      },
    },
    Error: {
      type: 'object',
      required: ['error'],
      properties: {
        error: {
          type: 'object',
          required: ['code', 'message', 'details'],
          properties: {
            code: { enum: Object.keys(errorTable) },
            message: { type: 'string' },
            details: {
              description:
                'For `invalid_request` a list of every validation error found, otherwise null or an object.',
              anyOf: [{ type: 'array', items: ref('ValidationError') }, { type: 'object' }, { type: 'null' }],
            },
          },
        },
      },
    },
    ValidationError: {
      type: 'object',
      required: ['location', 'message', 'code', 'context', 'input'],
      properties: {
        location: {
          type: 'array',
          items: { type: ['string', 'integer'] },
          examples: [['body', 'run', 'runId']],
        },
        message: { type: 'string', examples: ['Field required'] },
        code: { type: 'string', examples: ['missing'] },
        context: { type: 'object' },
        input: {
          description: 'The value found, or the object that lacks the field. A large value is shortened.',
        },
      },
    },
  },
};

/** The schemas of events, without the format `unicode`, which only this project's TypeBox knows. */
function eventComponents(): Record<string, unknown> {
  const { run: RunEvent, job: JobEvent, dataset: DatasetEvent } = eventSchemas.core;
  const text = JSON.stringify({ RunEvent, JobEvent, DatasetEvent }, (key, value: unknown) =>
    key === 'format' && value === 'unicode' ? undefined : value,
  );
  const schemas: unknown = JSON.parse(text);
  return typeof schemas === 'object' && schemas !== null ? { ...schemas } : {};
}

/** The API in OpenAPI 3.1. `rootPath` is the path at which a reverse proxy serves the API; '' for none. */
export function openapiDocument(rootPath: string): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'http2kafka',
      version,
      summary: 'HTTP to Kafka proxy for OpenLineage events',
      description:
        'Post OpenLineage events here. The proxy checks them and writes them to Kafka byte for byte. 201: the event is kept. The header `X-Delivery` says where: in Kafka, on disk to be delivered, or for the dead-letter topic.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: rootPath === '' ? '/' : rootPath }],
    paths: {
      [paths.lineage.path]: postEvent(
        'Post an event (the default path of every OpenLineage client)',
        'postRunEvent',
      ),
      [paths.dataRentgen.path]: postEvent("Post an event (Data.Rentgen's path)", 'postOpenLineage'),
      [paths.batch.path]: batchPath,
      [paths.ping.path]: get('Liveness', { '200': { description: 'The process lives.' } }),
      [paths.ready.path]: get('Readiness: whether the proxy can keep an event now', {
        '200': { description: 'The proxy can keep an event.' },
        '503': { description: 'The proxy cannot keep an event. The message says why.' },
      }),
      [paths.metrics.path]: get('Metrics for Prometheus', {
        '200': {
          description: 'Metrics in the text format of Prometheus, or of OpenMetrics if `Accept` asks for it.',
        },
      }),
    },
    components,
  };
}
