import assert from 'node:assert/strict';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { temporaryFolder } from '../../../tools/kafka/folders.ts';
import { startProxy } from '../../../tools/proxy.ts';
import { ranProgram } from '../../config/child.ts';
import { logged } from '../../stage/log-lines.ts';
import { accepted, created, spooled } from '../../stage/posting.ts';
import { inState, readiness } from '../../stage/readiness.ts';
import { jobEvent } from '../../openlineage/events.ts';
import { KerberosStage, REAUTH_MS, type KerberosProxy } from './kerberos-stage.ts';

/** An event of one job, so all are in one order; `count` distinguishes it. */
const event = (count: number) => JSON.stringify(jobEvent({ producer: `test:${count}` }));

/** Posts one event after another until `isEnough`; returns all of them. Every event must be accepted. */
async function postUntil(proxy: KerberosProxy, isEnough: () => boolean, first = 0): Promise<string[]> {
  const posted: string[] = [];
  while (!isEnough()) {
    const text = event(first + posted.length);
    accepted(await proxy.post(text));
    posted.push(text);
  }
  return posted;
}

suite('a login with Kerberos', { timeout: 240_000 }, () => {
  let stage: KerberosStage;
  before(async () => {
    stage = await KerberosStage.start();
  });
  after(() => stage.stop());

  test('by keytab brings events to Kafka', async () => {
    const keytab = await stage.kdc.keytab('alice');
    const proxy = await stage.proxy('keytab', {
      PRINCIPAL: 'alice',
      REALM: 'HTTP2KAFKA.TEST',
      KEYTAB: keytab,
    });
    assert.equal(await proxy.process.ready(), undefined);
    created(await proxy.post(event(1)));
    assert.deepEqual(await proxy.values(), [event(1)]);
    assert.ok(proxy.process.log.includes('there is a ticket for alice@HTTP2KAFKA.TEST'));
    assert.ok(!proxy.process.log.includes('Kafka is unavailable'), 'it waits for its first ticket');
    await proxy.process.stop();
  });

  test('by password does, and password and ticket stay secret', async () => {
    await stage.kdc.setPassword('bob', 'do-not-tell');
    const proxy = await stage.proxy('password', { PRINCIPAL: 'bob', PASSWORD: 'do-not-tell' });
    assert.equal(await proxy.process.ready(), undefined);
    created(await proxy.post(event(1)));
    assert.deepEqual(await proxy.values(), [event(1)]);
    const folder = proxy.ticketFolder ?? assert.fail('there is no ticket');
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    assert.equal(statSync(join(folder, 'ticket')).mode & 0o777, 0o600);
    assert.equal(proxy.kinits.length, 1);
    assert.ok(!proxy.kinits.join().includes('do-not-tell'), 'the password is in the arguments of kinit');
    await proxy.process.stop();
    assert.ok(!proxy.process.log.includes('do-not-tell'), 'the log has it');
    assert.equal(proxy.ticketFolder, undefined, 'the ticket stays when the proxy has gone');
  });

  test('with a wrong password keeps events, reports it, and recovers with the right one', async () => {
    await stage.kdc.setPassword('carol', 'another');
    const proxy = await stage.proxy('mended', { PRINCIPAL: 'carol', PASSWORD: 'do-not-tell' });
    await logged(proxy.process, 'the KDC does not accept the password (kafka.security.password)');
    await logged(proxy.process, 'cannot be written to');
    spooled(await proxy.post(event(1)));
    const { problem, kafka } = await readiness(proxy.process);
    assert.equal(problem, undefined, 'it can keep events');
    assert.equal(
      kafka,
      'the login by Kerberos fails: the KDC does not accept the password (kafka.security.password)',
    );
    await stage.kdc.setPassword('carol', 'do-not-tell');
    await inState(proxy.process, 'straight');
    created(await proxy.post(event(2)));
    assert.deepEqual(await proxy.values(), [event(1), event(2)]);
    await proxy.process.stop();
    assert.ok(!proxy.process.log.includes('do-not-tell'), 'the log has it');
  });

  test('waits for an unavailable KDC, and no request does', async () => {
    await stage.kdc.setPassword('dora', 'secret');
    await stage.kdc.stop();
    const proxy = await stage.proxy('late', { PRINCIPAL: 'dora', PASSWORD: 'secret' });
    await logged(proxy.process, 'no KDC answers');
    await logged(proxy.process, 'cannot be written to');
    spooled(await proxy.post(event(1)));
    await stage.kdc.start();
    await inState(proxy.process, 'straight');
    assert.deepEqual(await proxy.values(), [event(1)]);
    await proxy.process.stop();
  });

  test('stops at once while a KDC is silent, and keeps the events', async () => {
    await stage.kdc.setPassword('erin', 'secret');
    stage.kdc.freeze();
    try {
      const proxy = await stage.proxy('silent', { PRINCIPAL: 'erin', PASSWORD: 'secret' });
      await logged(proxy.process, 'no KDC has answered yet');
      spooled(await proxy.post(event(1)));
      assert.deepEqual(await proxy.process.stop(), { code: 0, signal: null });
      assert.ok(proxy.process.log.includes('events stay in the spool'));
      assert.ok(!proxy.process.log.includes('no KDC answers'), 'it has waited for kinit');
    } finally {
      stage.kdc.thaw();
    }
  });

  test('uses the current ticket while the KDC is silent or unavailable', async () => {
    await stage.kdc.setPassword('fred', 'secret');
    const settings = { PRINCIPAL: 'fred', PASSWORD: 'secret', REFRESH_INTERVAL_SECONDS: '1' };
    const proxy = await stage.proxy('in-hand', settings, 'REAUTH');
    assert.equal(await proxy.process.ready(), undefined);
    stage.kdc.freeze();
    const { logins: before, kinits } = proxy;
    // It tries to renew the ticket, and logs in with the current one.
    const isTried = () => proxy.kinits.length > kinits.length;
    const posted = await postUntil(proxy, () => proxy.logins >= before + 2 && isTried());
    await stage.kdc.stop();
    try {
      await logged(proxy.process, 'The current ticket is valid until');
      const between = proxy.logins;
      posted.push(...(await postUntil(proxy, () => proxy.logins >= between + 3, posted.length)));
      await inState(proxy.process, 'straight');
      assert.ok(!proxy.process.log.includes('the login by Kerberos fails'), proxy.process.log);
      assert.deepEqual([...new Set(await proxy.values())], posted);
    } finally {
      await stage.kdc.start();
    }
    await proxy.process.stop();
  });

  test('renews a ticket with a short life while records flow', async () => {
    await stage.kdc.setPassword('gina', 'secret');
    await stage.kdc.setTicketLife('gina', '4 seconds');
    const proxy = await stage.proxy('renewed', { PRINCIPAL: 'gina', PASSWORD: 'secret' }, 'REAUTH');
    assert.equal(await proxy.process.ready(), undefined);
    const end = performance.now() + 4000 + 2 * REAUTH_MS;
    const posted = await postUntil(proxy, () => performance.now() > end);
    await inState(proxy.process, 'straight');
    assert.ok(proxy.kinits.length >= 3, 'it was not renewed');
    assert.ok(proxy.logins >= 4, 'it has not logged in again');
    assert.ok(!proxy.process.log.includes('the login by Kerberos fails'), proxy.process.log);
    assert.deepEqual([...new Set(await proxy.values())], posted);
    await proxy.process.stop();
  });

  test('reports that the KDC does not know the service or the principal', async () => {
    await stage.kdc.setPassword('hugo', 'secret');
    const hugo = { PRINCIPAL: 'hugo', PASSWORD: 'secret', SERVICE_NAME: 'other' };
    const nobody = { PRINCIPAL: 'nobody', PASSWORD: 'secret' };
    const [one, two] = await Promise.all([stage.proxy('service', hugo), stage.proxy('principal', nobody)]);
    await logged(one.process, 'the KDC does not know the broker as a service');
    await logged(two.process, 'the KDC does not know the principal');
    spooled(await one.post(event(1)));
    spooled(await two.post(event(1)));
    await Promise.all([one.process.stop(), two.process.stop()]);
  });

  test('does not start without the programs, and names the missing one', async () => {
    const folder = temporaryFolder('http2kafka-kerberos-');
    mkdirSync(join(folder, 'bin'));
    const settings = {
      KAFKA__SECURITY__TYPE: 'GSSAPI',
      KAFKA__SECURITY__PRINCIPAL: 'alice',
      KAFKA__SECURITY__PASSWORD: 'secret',
    };
    const missing = /GSSAPI needs Kerberos' programs .*the program kinit is not on this machine/;
    const environment = { PATH: join(folder, 'bin') };
    await assert.rejects(startProxy({ settings, environment }), missing);
    const variables = {
      HTTP2KAFKA__KAFKA__BOOTSTRAP_SERVERS: '127.0.0.1:1',
      HTTP2KAFKA__KAFKA__SECURITY__TYPE: 'GSSAPI',
      HTTP2KAFKA__KAFKA__SECURITY__PRINCIPAL: 'alice',
      HTTP2KAFKA__KAFKA__SECURITY__PASSWORD: 'secret',
    };
    const checked = await ranProgram(['check-config'], { ...variables, ...environment });
    assert.match(checked.stderr, missing);
    assert.equal(checked.status, 1);
    const complete = await ranProgram(['check-config'], variables);
    assert.deepEqual([complete.status, complete.stderr], [0, '']);
  });
});
