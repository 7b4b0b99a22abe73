/** How often the text of the metrics is made. Without a listener. */
import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { suite, test } from 'node:test';
import { pino } from 'pino';
import { Monitoring } from '../../../src/http/pages/monitoring.ts';
import { createMetrics } from '../../../src/metrics/metrics.ts';
import { Observer } from '../../../src/pipeline/observer.ts';

suite('the metrics', () => {
  test('are made once in a turn of the event loop, for all who have asked for them', async () => {
    let made = 0;
    const status = { topics: [], parked: [], spooledEvents: 0, spooledBytes: 0 };
    const topic = { ...status, topic: 'main', problem: undefined, kafkaProblem: undefined } as const;
    const delivery = {
      ...status,
      statusOf: () => ({ ...topic, state: 'straight' as const, oldestSpooledAt: undefined }),
      measure: () => void (made += 1),
    };
    const metrics = createMetrics();
    const observer = new Observer(metrics, pino({ enabled: false }));
    const clientOf = () => ({ client: '', address: '' });
    const parts = { delivery, authenticationProblems: undefined, metrics, observer, clientOf };
    const monitoring = new Monitoring({ mainTopic: 'main', metrics: true }, parts);
    const ask = () => {
      const request = new IncomingMessage(new Socket());
      request.method = 'GET';
      request.complete = true;
      const response = new ServerResponse(request);
      const answered = new Promise((resolve) => void response.once('finish', resolve));
      monitoring.handle(request, response, '/monitoring/metrics', 'id');
      return { response, answered };
    };
    for (const turn of [1, 2]) {
      const asked = Array.from({ length: 16 }, ask);
      assert.equal(made, turn - 1, 'not in the turn of the requests');
      while (asked.some(({ response }) => !response.headersSent)) await new Promise(setImmediate);
      assert.equal(made, turn);
      for (const { response } of asked) response.emit('close');
    }
  });
});
