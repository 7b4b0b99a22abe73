import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { suite, test, type TestContext } from 'node:test';
import { AnswerTooLargeError, sendRequest, type HttpRequest } from '../../src/support/http-client.ts';
import { CertificateAuthority, type Certificate } from '../../tools/certificates.ts';

/** Starts a server that ends with the test. */
async function serve(test: TestContext, answer: RequestListener, certificate?: Certificate): Promise<URL> {
  const server = certificate
    ? createSecureServer({ cert: certificate.pem, key: certificate.keyPem }, answer)
    : createServer(answer);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  test.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return new URL(`${certificate ? 'https' : 'http'}://127.0.0.1:${address.port}/path`);
}

const get: HttpRequest = { method: 'GET', headers: {}, ca: undefined, signal: new AbortController().signal };

suite('an HTTP request with limits', { timeout: 60_000 }, () => {
  test('sends method, headers and body, and returns status, headers and body', async (t) => {
    const url = await serve(t, (request, response) => {
      void buffer(request).then((body) => {
        response.setHeader('set-cookie', ['a', 'b']);
        const { method, headers } = request;
        response.writeHead(202).end(`${String(method)} ${String(headers['x-own'])} ${body.toString()}`);
      });
    });
    const answer = await sendRequest(url, { ...get, method: 'POST', headers: { 'x-own': 'yes' }, body: 'ä' });
    assert.equal(answer.status, 202);
    assert.deepEqual(answer.headers['set-cookie'], ['a', 'b']);
    assert.equal((await answer.read(100)).toString(), 'POST yes ä');
  });

  test('accepts a body of the limit, and rejects one byte more', async (t) => {
    const url = await serve(t, (_, response) => response.end('12345'));
    assert.equal((await (await sendRequest(url, get)).read(5)).length, 5);
    await assert.rejects((await sendRequest(url, get)).read(4), AnswerTooLargeError);
  });

  test('does not follow a redirect', async (t) => {
    const paths: unknown[] = [];
    const url = await serve(t, (request, response) => {
      paths.push(request.url);
      response.writeHead(302, { location: '/elsewhere' }).end();
    });
    const answer = await sendRequest(url, get);
    answer.discard();
    assert.equal(answer.status, 302);
    assert.deepEqual(paths, ['/path']);
  });

  test('ends when its time is over, before the answer and during the body', async (t) => {
    const silent = await serve(t, () => undefined);
    await assert.rejects(sendRequest(silent, { ...get, signal: AbortSignal.timeout(20) }), {
      name: 'AbortError',
    });
    const slow = await serve(t, (_, response) => void response.write('begin'));
    const controller = new AbortController();
    const answer = await sendRequest(slow, { ...get, signal: controller.signal });
    const body = answer.read(100);
    controller.abort();
    await assert.rejects(body);
  });

  test('trusts its own authorities only', async (t) => {
    const authority = await CertificateAuthority.create();
    const certificate = await authority.issue({ name: 'server', hosts: ['127.0.0.1'] });
    const url = await serve(t, (_, response) => response.end('secret'), certificate);
    const answer = await sendRequest(url, { ...get, ca: authority.pem });
    assert.equal((await answer.read(100)).toString(), 'secret');
    await assert.rejects(sendRequest(url, get));
  });
});
