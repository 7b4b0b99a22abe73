import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { suite, test, type TestContext } from 'node:test';
import { BrokerError } from '../../../src/kafka/broker-error.ts';
import { Connections } from '../../../src/kafka/cluster/broker-connections.ts';
import { LoginPauses, Security, type SecuritySettings } from '../../../src/kafka/login/security.ts';
import { CertificateAuthority } from '../../../tools/certificates.ts';
import { temporaryFile } from '../../config/loading.ts';
import { brokerErrorOf } from './broker-errors.ts';
import { cannedEndpoint, giveToken } from './canned-endpoint.ts';
import { startFakeBroker } from './fake-broker.ts';
import { NO_SECURITY } from './no-security.ts';

function connections(test: TestContext, security: Partial<SecuritySettings>, connectTimeoutMs = 5000) {
  const settings = { clientId: 'test', connectTimeoutMs, requestTimeoutMs: 5000 };
  const made = new Connections(settings, new Security({ ...NO_SECURITY, ...security }), () => undefined);
  test.after(() => made.close());
  return made;
}

async function portOf(test: TestContext, server: Server): Promise<number> {
  await once(server.listen(0, 'localhost'), 'listening');
  test.after(() => server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return address.port;
}

void suite('connections to brokers', { timeout: 60_000 }, () => {
  test('send a host name in the handshake (SNI), but no IP address', async (t) => {
    const authority = await CertificateAuthority.create();
    const certificate = await authority.issue({ name: 'broker', hosts: ['localhost', '127.0.0.1'] });
    const named: unknown[] = [];
    const server = createTlsServer({ cert: certificate.pem, key: certificate.keyPem }, (socket) => {
      named.push(socket.servername);
      socket.on('error', () => undefined);
    });
    const port = await portOf(t, server);
    const caFile = temporaryFile(t, 'ca.pem', authority.pem);
    const made = connections(t, { tls: { ...NO_SECURITY.tls, enabled: true, caFile } });
    await made.get({ host: 'localhost', port });
    await made.get({ host: '127.0.0.1', port });
    // The server finishes the handshake after the client.
    while (named.length < 2) await sleep(5);
    assert.deepEqual(named, ['localhost', false]);
    await made.close();
  });

  test('fail when a broker accepts them and then is silent', async (t) => {
    const server = createServer((socket) => socket.on('error', () => undefined));
    const port = await portOf(t, server);
    for (const security of [
      { tls: { ...NO_SECURITY.tls, enabled: true } },
      { type: 'PLAIN', user: 'u', password: 'p' },
    ] as const) {
      const made = connections(t, security, 200);
      await assert.rejects(made.get({ host: 'localhost', port }), {
        message: /timed out/,
        problem: undefined,
      });
    }
  });

  test('report the file that cannot be used', async (t) => {
    const made = connections(t, { tls: { ...NO_SECURITY.tls, enabled: true, caFile: '/nowhere/ca.pem' } });
    await assert.rejects(made.get({ host: 'localhost', port: 1 }), (error) => {
      assert.ok(error instanceof BrokerError);
      assert.match(error.message, /\/nowhere\/ca\.pem/);
      assert.match(error.problem ?? '', /kafka\.security\.tls/);
      return true;
    });
  });

  test('are not tried again at once after a refused login', async () => {
    const pauses = new LoginPauses();
    const refused = new BrokerError('refused', 'refused', true);
    const tries: number[] = [];
    const start = Date.now();
    while (Date.now() - start < 4000) {
      try {
        pauses.check('broker:9092');
        tries.push(Date.now());
        pauses.refused('broker:9092', refused);
      } catch (error) {
        assert.equal(error, refused);
      }
      pauses.check('another:9092');
      await sleep(20);
    }
    // At 0, 1 and 3 s, and no more often on a slower machine.
    assert.ok(tries.length <= 3 && tries.length > 1, String(tries.length));
    pauses.accepted('broker:9092');
    pauses.check('broker:9092');
  });

  const scram: Partial<SecuritySettings> = { type: 'SCRAM-SHA-256', user: 'u', password: 'p' };

  for (const words of ['', 'garbage', 'r=x', 'e=other-error', 's=,i=4096']) {
    test(`fail, and the process goes on, where a broker answers "${words}" to SCRAM`, async (t) => {
      const broker = await startFakeBroker(t, () => ({ bytes: Buffer.from(words) }));
      const error = await brokerErrorOf(connections(t, scram).get(broker));
      assert.match(error.problem ?? '', /something that is not SCRAM|the login to Kafka fails/);
      assert.ok(error.login);
    });
  }

  /** The first answer of SCRAM (RFC 5802, 7). */
  const serverFirst = (sent: Buffer, iterations: number) =>
    Buffer.from(`r=${/r=(.*)/.exec(sent.toString())?.[1] ?? ''}more,s=c2FsdA==,i=${iterations}`);

  test('fail where the last answer is not SCRAM', async (t) => {
    const broker = await startFakeBroker(t, (sent, step) => ({
      bytes: step === 0 ? serverFirst(sent, 4096) : Buffer.from('?'),
    }));
    const error = await brokerErrorOf(connections(t, scram).get(broker));
    assert.match(error.problem ?? '', /something that is not SCRAM/);
  });

  test('fail where a broker requires too many iterations', async (t) => {
    const broker = await startFakeBroker(t, (sent) => ({ bytes: serverFirst(sent, 2_147_483_647) }));
    const error = await brokerErrorOf(connections(t, scram).get(broker));
    assert.match(error.problem ?? '', /more than 100000 iterations/);
    assert.ok(error.login);
  });

  test('log in once where a session is longer than a timer', async (t) => {
    let logins = 0;
    const broker = await startFakeBroker(t, () => {
      logins += 1;
      return { sessionMs: 40n * 86_400_000n };
    });
    await connections(t, { type: 'PLAIN', user: 'u', password: 'p' }).get(broker);
    await sleep(500);
    assert.equal(logins, 1);
  });

  test('get another token soon after one is refused', async (t) => {
    let given = 0;
    const tokenEndpoint = await cannedEndpoint(t, (_request, response) => {
      given += 1;
      giveToken(response, `token-${given}`);
    });
    const broker = await startFakeBroker(t, (sent) => ({
      bytes: Buffer.from(sent.includes('token-1') ? '{"status":"invalid_token"}' : ''),
    }));
    const made = connections(t, {
      type: 'OAUTHBEARER',
      oauth: { ...NO_SECURITY.oauth, tokenEndpoint, clientId: 'a', clientSecret: 'b' },
    });
    assert.match((await brokerErrorOf(made.get(broker))).problem ?? '', /does not accept the token/);
    const isIn = () =>
      made.get(broker).then(
        () => true,
        () => false,
      );
    while (!(await isIn())) await sleep(100);
    assert.equal(given, 2);
  });
});
