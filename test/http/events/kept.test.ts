import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import type { Proxy } from '../../../tools/proxy.ts';
import { created, deadLettered, deliveryOf, parsed, post, spooled } from '../../stage/posting.ts';
import { runEvent } from '../../stage/sample-events.ts';
import { useStage } from '../../stage/stage.ts';

const DEAD_LETTERS = { CHECK__INVALID: 'dead-letter' };

void suite('the answer to a kept event', { timeout: 120_000 }, () => {
  const stage = useStage();
  let proxy: Proxy;
  let lonely: Proxy;

  before(async () => {
    [proxy, lonely] = await Promise.all([
      stage.proxy({ settings: DEAD_LETTERS }),
      stage.proxyWithoutKafka({ settings: DEAD_LETTERS }),
    ]);
  });

  test('is 201 and says where the event is: in Kafka, on disk, or kept for the dead-letter topic', async () => {
    created(await post(proxy, runEvent('where')));
    deadLettered(await post(proxy, 'no JSON'));
    spooled(await post(lonely, runEvent('where')));
    deadLettered(await post(lonely, 'no JSON'));
  });

  test('says nothing of that for a batch, a refused event or a page', async () => {
    const batch = await post(proxy, `[${runEvent('where').toString()}]`, { path: '/api/v1/lineage/batch' });
    assert.equal(parsed(batch.text)['status'], 'success');
    const refused = await post(proxy, runEvent('where'), { headers: { 'content-type': 'text/plain' } });
    assert.equal(refused.status, 415);
    const page = await post(proxy, '', { method: 'GET', path: '/monitoring/ping' });
    for (const answer of [batch, refused, page]) assert.equal(deliveryOf(answer), undefined);
  });

  test('has the status of server.spooled_status if the event is not in Kafka yet', async () => {
    const settings = { ...DEAD_LETTERS, SERVER__SPOOLED_STATUS: '202' };
    const [kafka, none] = await Promise.all([
      stage.proxy({ settings }),
      stage.proxyWithoutKafka({ settings }),
    ]);
    created(await post(kafka, runEvent('where')));
    for (const [body, delivery] of [
      [runEvent('where'), 'spool'],
      ['no JSON', 'dead-letter'],
    ] as const) {
      const answer = await post(none, body);
      assert.deepEqual([answer.status, answer.text, deliveryOf(answer)], [202, '', delivery]);
    }
  });
});
