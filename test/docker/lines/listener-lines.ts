import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CertificateAuthority } from '../../../tools/certificates.ts';
import type { Line } from '../line.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const EVENT = readFileSync(join(ROOT, 'examples', 'python', '01-start.json'));

/** The image's own health check understands each kind of listener, from the same environment. */
export const listeners: Line = {
  name: 'listeners',
  what: 'TLS, another port, a listener for monitoring, a Unix socket: each healthy by the check of the image',
  async run(scene) {
    const folder = mkdtempSync(join(tmpdir(), 'http2kafka-tls-'));
    try {
      const authority = await CertificateAuthority.create();
      const certificate = await authority.issue({ name: 'localhost', hosts: ['localhost', '127.0.0.1'] });
      writeFileSync(join(folder, 'tls.crt'), certificate.pem);
      writeFileSync(join(folder, 'tls.key'), certificate.keyPem);
      for (const name of ['tls.crt', 'tls.key']) chmodSync(join(folder, name), 0o644);
      chmodSync(folder, 0o755);
      const tls = {
        SERVER__SSL_CERTFILE: '/etc/http2kafka/tls.crt',
        SERVER__SSL_KEYFILE: '/etc/http2kafka/tls.key',
      };
      const mounted = ['--volume', `${folder}:/etc/http2kafka:ro`];
      await scene.startProxy({ settings: tls, options: mounted });
      assert.equal(await post(scene.port, authority.pem), 201);
      scene.note('TLS: healthy, and takes an event by HTTPS');
      await scene.removeProxy();

      await scene.startProxy({ settings: { SERVER__PORT: '9443' } });
      scene.note('another port: healthy');
      await scene.removeProxy();

      await scene.startProxy({ settings: { ...tls, SERVER__MONITORING__PORT: '9102' }, options: mounted });
      scene.note('TLS with a listener for monitoring: healthy');
      await scene.removeProxy();

      const socket = '/var/lib/http2kafka/http.sock';
      await scene.startProxy({ settings: { SERVER__UDS: socket } });
      await scene.docker('exec', scene.container, 'test', '-S', socket);
      scene.note('a Unix socket: healthy');
      await scene.docker('kill', '--signal', 'STOP', scene.container);
      await scene.until(
        'a frozen proxy is unhealthy',
        async () => (await scene.inspect('{{.State.Health.Status}}')) === 'unhealthy',
      );
      await scene.docker('kill', '--signal', 'CONT', scene.container);
      scene.note('a frozen proxy: unhealthy');
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

async function post(port: number, ca: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const headers = { 'content-type': 'application/json', 'content-length': EVENT.length };
  const options = { host: '127.0.0.1', port, ca, method: 'POST', path: '/api/v1/lineage', headers };
  const sent = request(options, (answer) => {
    answer.resume();
    resolve(answer.statusCode ?? 0);
  });
  sent.on('error', reject);
  sent.end(EVENT);
  return await promise;
}
