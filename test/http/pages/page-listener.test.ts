import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import { after, before, suite, test } from 'node:test';
import { pino } from 'pino';
import type { DeliveryStatus, TopicStatus } from '../../../src/delivery/port.ts';
import { Answers } from '../../../src/http/answer.ts';
import { Monitoring } from '../../../src/http/pages/monitoring.ts';
import { pageListener } from '../../../src/http/pages/page-listener.ts';
import { createMetrics } from '../../../src/metrics/metrics.ts';
import { Observer } from '../../../src/pipeline/observer.ts';
import { errorOf } from '../../stage/posting.ts';

const SETTINGS = { rootPath: '', requestIdHeader: 'x-request-id', https: false };
const HEADERS = { requestIdHeader: 'X-Request-ID', versionHeader: undefined, version: '1', headers: [] };
const NO_FILES = Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });

/** A listener on a free port. `load` is the one of the pages that are loaded late. */
class Pages {
  load: () => Promise<RequestListener> = () => Promise.reject(NO_FILES);
  loads = 0;
  readonly monitoring: Monitoring;
  readonly log: string[] = [];
  readonly #server: Server;

  constructor() {
    const metrics = createMetrics();
    const observer = new Observer(metrics, pino({ base: null }, { write: (line) => this.log.push(line) }));
    const clientOf = () => ({ client: '127.0.0.1:1', address: '127.0.0.1' });
    const parts = { delivery: idle, authenticationProblems: undefined, metrics, observer, clientOf };
    this.monitoring = new Monitoring({ mainTopic: 'input.runs', metrics: true }, parts);
    const answers = new Answers({ ...HEADERS, spooledStatus: 201 }, observer);
    const load = () => {
      this.loads += 1;
      return this.load();
    };
    const listener = pageListener(SETTINGS, { monitoring: this.monitoring, answers, observer }, load);
    this.#server = createServer(listener);
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  get(path: string, options?: RequestInit): Promise<Response> {
    const address = this.#server.address();
    assert.ok(typeof address === 'object' && address);
    return fetch(`http://127.0.0.1:${address.port}${path}`, options);
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const status: TopicStatus = {
  topic: 'input.runs',
  problem: undefined,
  state: 'straight',
  kafkaProblem: undefined,
  spooledEvents: 0,
  spooledBytes: 0,
  oldestSpooledAt: undefined,
};

const idle: DeliveryStatus = {
  statusOf: () => status,
  topics: [status],
  parked: [],
  spooledEvents: 0,
  spooledBytes: 0,
  measure: () => undefined,
};

void suite('the pages, while a proxy has no open files left', { timeout: 60_000 }, () => {
  const pages = new Pages();

  before(() => pages.listen());
  after(() => pages.close());

  test('serve monitoring, because that loads nothing', async () => {
    for (const path of [
      '/monitoring/ping',
      '/monitoring/ready',
      '/monitoring/metrics',
      '/monitoring/ping/?a=b',
    ])
      assert.equal((await pages.get(path)).status, 200, path);
    assert.equal((await pages.get('/monitoring/ping', { method: 'POST', body: '{}' })).status, 405);
    assert.equal(pages.loads, 0);
  });

  test('answer 503 in the shape of every error, and log why', async () => {
    for (const id of ['first', 'second']) {
      const answer = await pages.get('/docs', { headers: { 'x-request-id': id } });
      assert.equal(answer.status, 503);
      assert.equal(errorOf(await answer.text()).code, 'unavailable');
      assert.equal(answer.headers.get('retry-after'), '1');
      assert.equal(answer.headers.get('x-request-id'), id);
      assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    }
    const posted = await pages.get('/docs', { method: 'POST', body: 'x'.repeat(1_000_000) });
    assert.equal(posted.status, 503);
    assert.ok(pages.log.some((line) => line.includes('"request_id":"first"') && line.includes('EMFILE')));
  });

  test('are loaded at the next request, and then stay loaded', async () => {
    const before = pages.loads;
    pages.load = () => Promise.resolve((_request, response) => void response.end('a page'));
    assert.equal(await (await pages.get('/docs')).text(), 'a page');
    assert.equal(await (await pages.get('/docs')).text(), 'a page');
    assert.equal(pages.loads, before + 1);
  });

  test('say that the proxy is not ready once it stops, and still that it lives', async () => {
    pages.monitoring.stop();
    const ready = await pages.get('/monitoring/ready');
    assert.equal(ready.status, 503);
    const { code, message } = errorOf(await ready.text());
    assert.deepEqual([code, message], ['unavailable', 'The proxy is stopping']);
    assert.equal((await pages.get('/monitoring/ping')).status, 200);
  });
});
