import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, before, suite, test } from 'node:test';
import {
  CertificateAuthority,
  selfSigned,
  type Certificate,
  type CertificateWishes,
} from '../../../tools/certificates.ts';
import type { Proxy } from '../../../tools/proxy.ts';
import { logged } from '../../stage/log-lines.ts';
import { created, errorOf, type Answer } from '../../stage/posting.ts';
import { runEvent } from '../../stage/sample-events.ts';
import { headerOf, useStage } from '../../stage/stage.ts';

const KEY = 'h2k_key';

void suite('client certificates', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-mtls-'));
  const stage = useStage();
  let proxy: Proxy;
  let authority: CertificateAuthority;
  let server: Certificate;

  before(async () => {
    authority = await CertificateAuthority.create();
    server = await authority.issue({ name: 'proxy', hosts: ['127.0.0.1'], use: 'server' });
    proxy = await launch();
  });
  after(() => rmSync(folder, { recursive: true }));

  async function launch(settings: Readonly<Record<string, string>> = {}): Promise<Proxy> {
    const files = server.write(folder, 'server');
    const ca = join(folder, 'ca.pem');
    writeFileSync(ca, authority.pem);
    const senders = join(folder, 'senders.yaml');
    const hash = createHash('sha256').update(KEY).digest('hex');
    writeFileSync(
      senders,
      `senders:\n  - {name: keyed, api_keys: ['sha256:${hash}']}\n` +
        '  - {name: spark, way: certificate, namespaces: [test]}\n',
    );
    const launched = await stage.launch({
      settings: {
        AUTH__CLIENT_CERTIFICATES__ENABLED: 'true',
        AUTH__SENDERS_FILE: senders,
        SERVER__PAGE__SENDERS: 'true',
        ...settings,
      },
      args: [
        ...['--ssl-certfile', files.cert, '--ssl-keyfile', files.key],
        ...['--ssl-ca-certs', ca, '--ssl-cert-reqs', 'optional'],
      ],
    });
    await logged(launched, 'Kafka can be written to');
    return launched;
  }

  interface Sending {
    readonly certificate?: Certificate;
    readonly agent?: Agent;
    readonly key?: string;
    readonly namespace?: string;
    readonly to?: Proxy;
  }

  function agentOf(certificate: Certificate | undefined): Agent {
    const identity = certificate && { cert: certificate.pem, key: certificate.keyPem };
    return new Agent({ ca: authority.pem, ...identity });
  }

  async function send({ certificate, agent, key, namespace = 'test', to = proxy }: Sending) {
    const { promise, resolve, reject } = Promise.withResolvers<Answer & { id: unknown }>();
    const used = agent ?? agentOf(certificate);
    const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const sent = request(
      { host: '127.0.0.1', port: to.port, path: '/api/v1/lineage', method: 'POST', agent: used, headers },
      (response) => {
        const { statusCode: status = 0, headers } = response;
        buffer(response).then(
          (bytes) => resolve({ status, headers, text: bytes.toString(), id: headers['x-request-id'] }),
          reject,
        );
      },
    );
    sent.on('error', reject).end(runEvent('mtls', { job: { namespace, name: 'mtls' } }));
    return promise.finally(() => {
      if (!agent) used.destroy();
    });
  }

  const issue = (wishes: Partial<CertificateWishes> = {}) =>
    authority.issue({ name: 'spark', use: 'client', ...wishes });

  test('name the sender, and limit it as its file says', async () => {
    const certificate = await issue();
    const { status, id } = await send({ certificate });
    assert.equal(status, 201);
    const [record] = await stage.recordsOf(id);
    assert.ok(record);
    assert.equal(headerOf(record, 'reported-by-user-name'), 'spark');
    assert.equal((await send({ certificate, namespace: 'other' })).status, 403);
  });

  test('are accepted on a resumed session', async () => {
    const agent = agentOf(await issue());
    for (let i = 0; i < 3; i++) {
      created(await send({ agent }));
      agent.destroy();
    }
  });

  test('of an unknown authority, or expired, are refused', async () => {
    const foreign = await selfSigned({ name: 'spark', use: 'client' });
    const expired = await issue({ until: new Date(Date.now() - 60_000) });
    const others = await (await CertificateAuthority.create()).issue({ name: 'spark', use: 'client' });
    for (const certificate of [foreign, expired, others]) {
      const { status, text } = await send({ certificate });
      assert.equal(status, 401);
      const { message, details } = errorOf(text);
      assert.equal(message, 'Invalid client certificate');
      assert.match(String(details), /^[A-Z_]+$/);
    }
  });

  test('let their senders see the page, on connections with the certificate only', async () => {
    const ask = async (agent: Agent, path: string, cookie = '', form?: string): Promise<Answer> => {
      const { promise, resolve, reject } = Promise.withResolvers<Answer>();
      const headers = { accept: 'text/html', 'x-forwarded-for': '192.0.2.1', cookie };
      const method = form === undefined ? 'GET' : 'POST';
      const sent = request(
        { host: '127.0.0.1', port: proxy.port, path, method, agent, headers },
        (answer) => {
          const { statusCode: status = 0, headers: answered } = answer;
          buffer(answer).then(
            (bytes) => resolve({ status, headers: answered, text: bytes.toString() }),
            reject,
          );
        },
      );
      sent.on('error', reject).end(form);
      return promise.finally(() => agent.destroy());
    };
    const [own, none] = [agentOf(await issue()), agentOf(undefined)];
    assert.match((await ask(none, '/')).text, /Log in with the certificate of this browser/);
    assert.equal((await ask(none, '/page/login', '', 'credential=')).status, 403);
    const { status, headers } = await ask(own, '/page/login', '', 'credential=');
    assert.equal(status, 303);
    const cookie = headers['set-cookie']?.[0]?.split(';')[0];
    assert.match((await ask(own, '/', cookie)).text, /You see what concerns the sender <bdi>spark<\/bdi>/);
    const other = agentOf(await issue({ name: 'other' }));
    for (const agent of [none, other]) {
      assert.doesNotMatch((await ask(agent, '/', cookie)).text, /What arrives/);
    }
  });

  test('for servers are refused', async () => {
    assert.equal((await send({ certificate: await issue({ use: 'server' }) })).status, 401);
  });

  test('may be missing where there is another credential, which takes precedence', async () => {
    const { status, text } = await send({});
    assert.equal(status, 401);
    assert.equal(errorOf(text).message, 'Missing Authorization header');
    created(await send({ key: KEY, namespace: 'other' }));
    const certificate = await issue();
    created(await send({ certificate, key: KEY, namespace: 'other' }));
    assert.equal((await send({ certificate, key: 'wrong' })).status, 401);
  });

  test('are refused on an open connection once they have expired', async () => {
    const until = new Date(Math.ceil(Date.now() / 1000) * 1000 + 4000);
    const agent = new Agent({
      ...agentOf(await issue({ until })).options,
      keepAlive: true,
      maxSockets: 1,
    });
    created(await send({ agent }));
    while (Date.now() < until.getTime() + 50) await new Promise((resolve) => setTimeout(resolve, 100));
    const { status, text } = await send({ agent });
    assert.equal(status, 401);
    assert.deepEqual(errorOf(text), {
      code: 'unauthorized',
      message: 'Invalid client certificate',
      details: 'It has expired',
    });
    agent.destroy();
  });

  const names: Readonly<Record<string, readonly [Partial<CertificateWishes>, string]>> = {
    subject: [{ organisation: 'O=Example', name: 'spark, prod' }, 'CN=spark\\, prod,O=Example'],
    san: [{ hosts: ['10.0.0.1', 'spark.example.com', 'more.example.com'] }, 'spark.example.com'],
  };
  for (const [by, [wishes, name]] of Object.entries(names)) {
    test(`name the sender by their ${by}, as the setting says`, async () => {
      const other = await launch({ AUTH__CLIENT_CERTIFICATES__NAME: by });
      const wish = by === 'subject' ? { ...wishes, name: 'spark\\, prod' } : wishes;
      const { status, id } = await send({ certificate: await issue(wish), to: other });
      assert.equal(status, 201);
      const [record] = await stage.recordsOf(id);
      assert.ok(record);
      assert.equal(headerOf(record, 'reported-by-user-name'), name);
    });
  }
});
