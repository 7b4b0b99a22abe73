/**
 * The proxy with parts switched off, to see what each part costs. Put together as commands/serve.ts does it:
 *
 * - `http`: the server reads the body and answers 201 at once
 * - `check`: the event is checked before that
 * - `delivery`: the record is made and queued for a producer that acknowledges everything at once
 *
 *     node benchmark/partial-proxy.ts http|check|delivery PORT SPOOL-FOLDER
 */
import { Delivery } from '../src/delivery/delivery.ts';
import { refusal } from '../src/errors.ts';
import { Answers } from '../src/http/answer.ts';
import { serverSettings } from '../src/proxy/server-settings.ts';
import { readBody } from '../src/http/events/body-reader.ts';
import { BodyMemory } from '../src/http/events/body-memory.ts';
import { Ingest } from '../src/pipeline/ingest.ts';
import { HttpServer, type EventHandler } from '../src/http/server.ts';
import { takeSingle } from '../src/http/events/single.ts';
import { PendingRecord } from '../src/kafka/producer/pending-record.ts';
import type { RecordOwner } from '../src/kafka/producer/port.ts';
import { Producer } from '../src/kafka/producer/producer.ts';
import type { KafkaRecord } from '../src/kafka/record.ts';
import { createLogger } from '../src/log.ts';
import { createMetrics } from '../src/metrics/metrics.ts';
import { checkEvent } from '../src/openlineage/check.ts';
import { Spool } from '../src/spool/spool.ts';
import { loadSettings } from '../src/config/load.ts';

/** Has every record written in the next turn of the event loop; knows no Kafka. */
class InstantProducer extends Producer {
  override knows(): boolean {
    return true;
  }

  override problemOf(): undefined {
    return undefined;
  }

  override send(record: KafkaRecord, size: number, owner: RecordOwner): PendingRecord {
    const pending = new PendingRecord(record, size, owner);
    pending.send();
    setImmediate(() => pending.settle({ kind: 'written' }));
    return pending;
  }
}

const [, , part = '', port = '', spoolFolder = ''] = process.argv;
const loaded = loadSettings({ flags: new Map(), environment: {}, offline: true });
if ('faults' in loaded) throw new Error('the defaults are not good settings');
const { kafka, producer, server, queue, spool: spoolSettings, check } = loaded.settings;
const { mainTopic, malformedTopic, timestamp, maxRequestSize } = producer;
const limits = { maxBytes: maxRequestSize, memory: new BodyMemory(server.maxBodyMemory) };
const log = createLogger(loaded.settings.logging);
const metrics = createMetrics();
const { requestId, applicationVersion } = server;
const answers = new Answers(
  {
    requestIdHeader: requestId.enabled ? requestId.headerName : undefined,
    versionHeader: applicationVersion.enabled ? applicationVersion.headerName : undefined,
    version: 'partial',
    headers: [],
  },
  metrics,
  log,
);

const handler = await handlerOf(part);
const http = new HttpServer(
  {
    ...serverSettings(loaded.settings),
    listen: { host: '127.0.0.1', port: Number(port), backlog: server.backlog },
  },
  new Map([['/api/v1/lineage', handler]]),
  (_request, response) => response.writeHead(404).end(),
  answers,
  metrics,
  log,
);
await http.listen();
console.log('up');

async function handlerOf(name: string): Promise<EventHandler> {
  if (name === 'delivery') {
    const ingest = await startIngest();
    return (exchange) => takeSingle(exchange, ingest, answers, limits);
  }
  if (name !== 'http' && name !== 'check') throw new Error(`there is no part "${name}"`);
  return (exchange) => {
    readBody(exchange, limits, (body) => {
      const taken = Buffer.isBuffer(body) && (name === 'http' || checkEvent(body, check.level).event);
      if (taken) answers.empty(exchange, 201);
      else answers.refuse(exchange, refusal('invalid_request'));
    });
  };
}

async function startIngest(): Promise<Ingest> {
  const spool = await Spool.open({ path: spoolFolder, maxBytes: spoolSettings.maxBytes }, () => undefined);
  const instant = new InstantProducer(
    { ...kafka, mainTopic, maxBatchBytes: producer.maxBatchSize },
    metrics,
    log,
  );
  const limits = {
    maxBytes: queue.maxBytes,
    spoolAfterMs: spoolSettings.after,
    spoolMaxAgeMs: spoolSettings.maxAge,
  };
  const delivery = new Delivery({ mainTopic, malformedTopic, ...limits }, instant, spool, metrics, log);
  const routing = { mainTopic, malformedTopic };
  const { level: checkLevel, invalid } = check;
  return new Ingest({ routing, checkLevel, invalid, timestamp }, delivery, metrics, log);
}
