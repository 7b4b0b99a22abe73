import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, suite, test } from 'node:test';
import { createTopic } from '../../../tools/kafka/topics.ts';
import { rule, setScramPassword } from '../../../tools/kafka/users.ts';
import type { Proxy } from '../../../tools/proxy.ts';
import { logged } from '../../stage/log-lines.ts';
import { created, deliveryOf, post, spooled } from '../../stage/posting.ts';
import { inState, readiness } from '../../stage/readiness.ts';
import { runEvent } from '../../stage/sample-events.ts';
import { CLIENT, PASSWORD, PLAIN_PASSWORD, PLAIN_USER, SESSION_MS, USER } from './secure-broker.ts';
import { kafkaIs, SecureStage } from './secure-stage.ts';

void suite('a login to Kafka that is repaired, or renewed', { timeout: 240_000 }, () => {
  const inTime = { timeout: 60_000 };
  let stage: SecureStage;
  before(async () => {
    stage = await SecureStage.start();
  });
  after(() => stage.stop());

  test('a wrong password: events are kept, and all arrive in order once it is right', inTime, async () => {
    const { bootstrapServers } = stage.secure.broker;
    await setScramPassword(bootstrapServers, 'late', 'not yet');
    const proxy = await stage.launch('SCRAM', 'late', {
      TYPE: 'SCRAM-SHA-256',
      USER: 'late',
      PASSWORD: 'right at last',
    });
    await kafkaIs(proxy, /refuses the login/);
    const events = Array.from({ length: 20 }, (_, index) => event('late', index));
    for (const one of events.slice(0, 10)) spooled(await post(proxy, one));
    assert.equal((await readiness(proxy)).problem, undefined);
    await setScramPassword(bootstrapServers, 'late', 'right at last');
    await inState(proxy, 'straight');
    for (const one of events.slice(10)) created(await post(proxy, one));
    assert.deepEqual(await stage.values('late'), events);
  });

  test('a topic that the proxy may not write to for a while: nothing is lost', inTime, async () => {
    const { bootstrapServers } = stage.secure.broker;
    const proxy = await stage.launch('PLAIN', 'denied', plain);
    await ready(proxy, 'denied');
    created(await post(proxy, event('denied', 0)));
    for (const operation of ['WRITE', 'DESCRIBE'] as const) {
      const allow = await rule(bootstrapServers, 'DENY', PLAIN_USER, operation, 'denied');
      // The broker applies the rule a moment later; until then it accepts events.
      while (deliveryOf(await post(proxy, event(operation, 0))) === 'kafka');
      await kafkaIs(proxy, /^topic denied: TOPIC_AUTHORIZATION_FAILED: .*ACLs DESCRIBE and WRITE/);
      spooled(await post(proxy, event(operation, 1)));
      await allow();
      await inState(proxy, 'straight');
      const values = await stage.values('denied');
      const own = values.filter((value) => value.includes(`"${operation}"`));
      assert.equal(own.at(-1), event(operation, 1));
      created(await post(proxy, event(operation, 2)));
    }
  });

  test(
    'a topic that the proxy may not write to from the start is reported, with the missing ACLs',
    inTime,
    async () => {
      const { bootstrapServers } = stage.secure.broker;
      const allow = await rule(bootstrapServers, 'DENY', PLAIN_USER, 'WRITE', 'forbidden');
      const proxy = await stage.launch('PLAIN', 'forbidden', plain);
      const said = await kafkaIs(proxy, /^topic forbidden: TOPIC_AUTHORIZATION_FAILED: .*WRITE/);
      await logged(proxy, `cannot be written to: ${said}`);
      for (const index of [0, 1]) spooled(await post(proxy, event('forbidden', index)));
      await allow();
      await inState(proxy, 'straight');
      assert.deepEqual(await stage.values('forbidden'), [event('forbidden', 0), event('forbidden', 1)]);
    },
  );

  test('a user without the right to write idempotently is reported', inTime, async () => {
    const { bootstrapServers } = stage.secure.broker;
    await createTopic(bootstrapServers, { name: 'idempotent' });
    const rules = [
      await rule(bootstrapServers, 'DENY', PLAIN_USER, 'WRITE', '*'),
      await rule(bootstrapServers, 'ALLOW', PLAIN_USER, 'DESCRIBE', 'idempotent'),
      await rule(bootstrapServers, 'DENY', PLAIN_USER, 'IDEMPOTENT_WRITE', undefined),
    ];
    const proxy = await stage.launch('PLAIN', 'idempotent', plain);
    await kafkaIs(proxy, /^Kafka gives no producer id: CLUSTER_AUTHORIZATION_FAILED: .*IDEMPOTENT_WRITE/);
    spooled(await post(proxy, event('idempotent', 0)));
    for (const takeBack of rules) await takeBack();
    await inState(proxy, 'straight');
    assert.deepEqual(await stage.values('idempotent'), [event('idempotent', 0)]);
  });

  for (const [listener, security] of [
    ['REAUTH', () => ({ TYPE: 'SCRAM-SHA-512', USER, PASSWORD })],
    ['OAUTH_REAUTH', () => oauth()],
  ] as const) {
    test(
      `${listener}: new logins while events flow lose nothing, double nothing, stop nothing`,
      inTime,
      async () => {
        const proxy = await stage.launch(listener, listener, security());
        await ready(proxy, listener);
        const events: string[] = [];
        // For three sessions, from several senders, so that a request is always in flight.
        const end = Date.now() + 3 * SESSION_MS;
        const sender = async (name: string) => {
          for (let index = 0; Date.now() < end; index++) {
            const one = event(name, index);
            created(await post(proxy, one), proxy.log);
            events.push(one);
          }
        };
        await Promise.all(['a', 'b', 'c', 'd'].map(sender));
        const values = await stage.values(listener);
        for (const name of ['a', 'b', 'c', 'd']) {
          const of = (list: readonly string[]) => list.filter((one) => one.includes(`"name":"${name}"`));
          assert.deepEqual(of(values), of(events));
        }
        assert.equal(values.length, events.length);
        assert.doesNotMatch(proxy.log, /Kafka is unavailable/);
        const metrics = await (await fetch(`${proxy.url}/monitoring/metrics`)).text();
        assert.doesNotMatch(metrics, /^http2kafka_kafka_retries_total\S* [1-9]/m);
      },
    );
  }

  test('an unavailable token endpoint: the token is used until it expires', inTime, async () => {
    const { oidc } = stage.secure;
    const proxy = await stage.launch('OAUTH_REAUTH', 'held', oauth());
    await ready(proxy, 'held');
    const requests = oidc.tokenRequests;
    await oidc.goAway();
    try {
      const end = Date.now() + 2 * SESSION_MS;
      for (let index = 0; Date.now() < end; index++) {
        created(await post(proxy, event('held', index)), proxy.log);
        await sleep(100);
      }
    } finally {
      await oidc.comeBack();
    }
    assert.equal(oidc.tokenRequests, requests);
  });

  const plain = { TYPE: 'PLAIN', USER: PLAIN_USER, PASSWORD: PLAIN_PASSWORD };

  const oauth = () => ({
    TYPE: 'OAUTHBEARER',
    OAUTH__TOKEN_ENDPOINT: stage.secure.oidc.tokenEndpoint,
    OAUTH__CLIENT_ID: CLIENT.id,
    OAUTH__CLIENT_SECRET: CLIENT.secret,
  });

  async function ready(proxy: Proxy, topic: string): Promise<void> {
    await kafkaIs(proxy, /^ok$/);
    await logged(proxy, 'Kafka can be written to');
    await stage.topicIsThere(topic);
  }
});

/** Events of one name have one key, so that they are in one partition, in their order. */
function event(name: string, index: number): string {
  return runEvent(name, { index }).toString();
}
