/** Traces by OpenTelemetry, as a receiver of OTLP gets them from a real proxy with a real Kafka. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { suite, test, type TestContext } from 'node:test';
import { Type, type Static } from 'typebox';
import { Value } from 'typebox/value';
import { runEvent } from '../stage/sample-events.ts';
import { headerOf, useStage } from '../stage/stage.ts';
import { created, spooled } from '../stage/posting.ts';
import { until } from '../stage/until.ts';

const Attribute = Type.Object({ key: Type.String(), value: Type.Record(Type.String(), Type.Unknown()) });

const Span = Type.Object({
  traceId: Type.String(),
  spanId: Type.String(),
  parentSpanId: Type.Optional(Type.String()),
  name: Type.String(),
  kind: Type.Number(),
  attributes: Type.Array(Attribute),
  links: Type.Optional(Type.Array(Type.Object({ traceId: Type.String(), spanId: Type.String() }))),
  status: Type.Object({ code: Type.Optional(Type.Number()) }),
});

const Export = Type.Object({
  resourceSpans: Type.Array(
    Type.Object({
      resource: Type.Object({ attributes: Type.Array(Attribute) }),
      scopeSpans: Type.Array(Type.Object({ spans: Type.Array(Span) })),
    }),
  ),
});

type ReceivedSpan = Static<typeof Span>;

const SERVER = 2;
const PRODUCER = 4;

/** A receiver of OTLP over HTTP with JSON. */
async function startReceiver(t: TestContext) {
  const spans: ReceivedSpan[] = [];
  const services = new Set<unknown>();
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      for (const { resource, scopeSpans } of Value.Parse(Export, JSON.parse(body)).resourceSpans) {
        services.add(valueOf(resource.attributes, 'service.name'));
        spans.push(...scopeSpans.flatMap((scope) => scope.spans));
      }
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === 'object' && address);
  const environment = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${address.port}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_BSP_SCHEDULE_DELAY: '50',
  };
  const found = (count: number, fits: (span: ReceivedSpan) => boolean) =>
    until(
      () => Promise.resolve(spans.filter(fits)),
      ({ length }) => length >= count,
    );
  return { environment, services, found };
}

function valueOf(attributes: readonly Static<typeof Attribute>[], name: string): unknown {
  const value = attributes.find(({ key }) => key === name)?.value;
  return value && Object.values(value)[0];
}

const of = ({ attributes }: ReceivedSpan, ...names: string[]) =>
  names.map((name) => valueOf(attributes, name));

suite('traces', { timeout: 120_000 }, () => {
  const stage = useStage();

  test('join the trace of the sender, and the record joins them, also across the spool', async (t) => {
    const receiver = await startReceiver(t);
    const { environment } = receiver;
    const proxy = await stage.proxy({ environment });
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
    created(await proxy.post(runEvent('traced'), { headers }));
    const [request, send] = await receiver
      .found(2, (span) => span.traceId === traceId)
      .then(
        (spans) =>
          [
            spans.find(({ kind }) => kind === SERVER) ?? assert.fail('no span of the request'),
            spans.find(({ kind }) => kind === PRODUCER) ?? assert.fail('no span of the delivery'),
          ] as const,
      );
    assert.deepEqual(
      [request.name, request.parentSpanId, ...of(request, 'http.route', 'http.response.status_code')],
      ['POST /api/v1/lineage', '00f067aa0ba902b7', '/api/v1/lineage', 201],
    );
    const [record] = await proxy.records();
    assert.ok(record);
    assert.deepEqual(
      [
        send.name,
        send.parentSpanId,
        ...of(send, 'messaging.system', 'messaging.destination.name', 'messaging.destination.partition.id'),
        Number(of(send, 'messaging.kafka.offset')[0]),
      ],
      [
        `send ${proxy.topic}`,
        request.spanId,
        'kafka',
        proxy.topic,
        String(record.partition),
        Number(record.offset),
      ],
    );
    assert.equal(headerOf(record, 'traceparent'), `00-${traceId}-${send.spanId}-01`);
    assert.deepEqual([...receiver.services], ['http2kafka']);

    const unsampled = { traceparent: `00-${'b'.repeat(32)}-00f067aa0ba902b7-00` };
    created(await proxy.post(runEvent('unsampled'), { headers: unsampled }));
    assert.equal((await proxy.post('{}')).status, 422);
    const [refused] = await receiver.found(1, (span) => of(span, 'http.response.status_code')[0] === 422);
    // A refusal is an error of the client, not of the server.
    assert.equal(refused?.status.code ?? 0, 0);
    assert.deepEqual(await receiver.found(0, (span) => span.traceId === 'b'.repeat(32)), []);
    const [, unrecorded] = await proxy.records();
    const parent = (unrecorded && headerOf(unrecorded, 'traceparent')) ?? '';
    assert.match(parent, /^00-b{32}-[0-9a-f]{16}-00$/);
    assert.notEqual(parent, unsampled.traceparent);
    // What is left is sent at the stop.
    assert.deepEqual(await proxy.stop('SIGTERM'), { code: 0, signal: null });
  });

  test('have a link from an event of the spool to the request that brought it', async (t) => {
    const receiver = await startReceiver(t);
    const proxy = await stage.proxy({
      environment: receiver.environment,
      topic: 'spooled',
      settings: { SPOOL__AFTER: '1s' },
    });
    await stage.broker.kill();
    await until(
      async () => (await proxy.get('/monitoring/ready')).text,
      (body) => body.includes('"spooling"'),
    );
    spooled(await proxy.post(runEvent('kept')));
    const [kept] = await receiver.found(1, (span) => of(span, 'http2kafka.spooled')[0] === true);
    await stage.broker.start();
    const [drained] = await receiver.found(1, (span) => of(span, 'http2kafka.from_spool')[0] === true);
    assert.ok(kept && drained);
    assert.deepEqual(
      drained.links?.map(({ traceId, spanId }) => ({ traceId, spanId })),
      [{ traceId: kept.traceId, spanId: kept.spanId }],
    );
    assert.notEqual(drained.traceId, kept.traceId);
  });
});
