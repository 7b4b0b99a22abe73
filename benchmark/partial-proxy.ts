/**
 * The proxy with parts switched off, to measure the cost of each part. It is assembled as in src/proxy:
 *
 * - `http`: the server reads the body and answers 201 at once
 * - `check`: the event is checked before that
 * - `delivery`: the record is made and queued for a producer that acknowledges at once
 *
 *     node benchmark/partial-proxy.ts http|check|delivery PORT SPOOL-FOLDER
 */
import { loadSettings } from '../src/config/load.ts';
import { Delivery } from '../src/delivery/delivery.ts';
import { refusal } from '../src/errors.ts';
import { Answers } from '../src/http/answer.ts';
import { BatchRoom } from '../src/http/events/batch-room.ts';
import { MAX_ELEMENTS } from '../src/http/events/batch.ts';
import { BodyMemory } from '../src/http/events/body-memory.ts';
import { readBody } from '../src/http/events/body-reader.ts';
import { EventHandler } from '../src/http/events/event-handler.ts';
import { HttpServer, type ExchangeHandler } from '../src/http/server.ts';
import type { RecordProducer } from '../src/kafka/producer/port.ts';
import { openLog } from '../src/log.ts';
import { version } from '../src/version.ts';
import { createMetrics } from '../src/metrics/metrics.ts';
import { checkEvent } from '../src/openlineage/check.ts';
import { Ingest } from '../src/pipeline/ingest.ts';
import { Observer } from '../src/pipeline/observer.ts';
import { deliverySettings } from '../src/proxy/core-settings.ts';
import { answerSettings, ingestSettings, serverSettings } from '../src/proxy/front-settings.ts';
import { Spool } from '../src/spool/spool.ts';
import { systemTime } from '../src/support/time.ts';
import { Turns } from '../src/support/turns.ts';

/** A producer without a Kafka: it acknowledges every record in the next turn of the event loop. */
const instantProducer: RecordProducer = {
  knows: () => true,
  problemOf: () => undefined,
  refusalOf: () => undefined,
  withdraw: () => false,
  refresh: () => Promise.resolve(),
  send: (_record, _size, owner) => {
    owner.sent();
    setImmediate(() => owner.settled({ kind: 'written' }));
    return { sent: true };
  },
};

const [, , part = '', port = '', spoolFolder = ''] = process.argv;
const loaded = loadSettings({ flags: new Map(), environment: {}, offline: true });
if (!('settings' in loaded)) throw new Error('the defaults are not good settings');
const { settings } = loaded;
const { server, producer, spool: spoolSettings, check } = settings;
const limits = { maxBytes: producer.maxRequestSize, memory: new BodyMemory(server.maxBodyMemory) };
const batches = new BatchRoom(server.maxBodyMemory, MAX_ELEMENTS, systemTime);
const log = openLog(settings.logging, version).log;
const metrics = createMetrics();
const observer = new Observer(metrics, log);
const turns = new Turns(systemTime);
const answers = new Answers(answerSettings(settings), observer);

const events = await handlerOf(part);
const http = new HttpServer(
  {
    ...serverSettings(settings),
    listen: { host: '127.0.0.1', port: Number(port), backlog: server.backlog },
  },
  { events, pages: (_request, response) => response.writeHead(404).end(), answers, observer, metrics, log },
);
await http.listen();
console.log('up');

async function handlerOf(name: string): Promise<ExchangeHandler> {
  if (name === 'delivery')
    return new EventHandler(undefined, limits, batches, await startIngest(), answers, observer, turns);
  if (name !== 'http' && name !== 'check') throw new Error(`there is no part "${name}"`);
  return {
    handle: (exchange) => {
      readBody(exchange, limits, (body) => {
        const taken = Buffer.isBuffer(body) && (name === 'http' || checkEvent(body, check.level).event);
        if (taken) answers.kept(exchange, 'acknowledged');
        else answers.refuse(exchange, refusal('invalid_request'));
      });
    },
  };
}

async function startIngest(): Promise<Ingest> {
  const spool = await Spool.open({ path: spoolFolder, maxBytes: spoolSettings.maxBytes }, () => undefined);
  const delivery = new Delivery(deliverySettings(settings), instantProducer, spool, metrics, log);
  return new Ingest(ingestSettings(settings), delivery, observer, systemTime.wall, turns);
}
