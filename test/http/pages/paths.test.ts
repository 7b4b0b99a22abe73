import assert from 'node:assert/strict';
import { before, suite, test } from 'node:test';
import { errorTable } from '../../../src/errors.ts';
import type { Proxy } from '../../../tools/proxy.ts';
import { created, errorOf, get, isObject, parsed, post } from '../../stage/posting.ts';
import { RawConnection, rawPost } from '../../stage/raw-connection.ts';
import { datasetEvent, jobEvent, runEvent } from '../../stage/sample-events.ts';
import { useStage } from '../../stage/stage.ts';

const SINGLE = ['/api/v1/lineage', '/v1/openlineage', '/'];
const BATCH = '/api/v1/lineage/batch';
/** Codes for other paths and methods. */
const ELSEWHERE = ['not_found', 'method_not_allowed'];

void suite('a path', { timeout: 120_000 }, () => {
  const stage = useStage();
  let proxy: Proxy;
  let mounted: Proxy;

  before(async () => {
    [proxy, mounted] = await Promise.all([
      stage.proxy(),
      stage.proxy({ settings: { SERVER__ROOT_PATH: '/lineage/proxy' } }),
    ]);
  });

  async function assertTaken(to: Proxy, path: string): Promise<void> {
    const event = runEvent(`posted to ${path}`);
    const batch = path.includes('/batch');
    const { status, headers, text } = await post(to, batch ? `[${event.toString()}]` : event, { path });
    if (batch) assert.equal(parsed(text)['status'], 'success');
    else assert.equal(text, '');
    assert.equal(status, batch ? 200 : 201, path);
    assert.ok((await stage.valueOf(headers['x-request-id'])).equals(event));
  }

  test('of an event may end in a slash and have a query', async () => {
    for (const path of [...SINGLE, BATCH]) {
      for (const end of ['', '?', '?api_key=1&x=/a/b/', '/', '/?a=b']) {
        if (path !== '/' || !end.startsWith('/')) await assertTaken(proxy, `${path}${end}`);
      }
    }
  });

  test('of an event may have several slashes where it has one', async () => {
    for (const path of [
      '//api/v1/lineage',
      '/api//v1///lineage//',
      '//v1/openlineage/',
      '//',
      `/${BATCH}/`,
    ]) {
      await assertTaken(proxy, `${path}?a=//b`);
    }
    await assertTaken(mounted, '//lineage//proxy//api/v1/lineage');
  });

  test('of a page may end in a slash, have several slashes, and be below the root path', async () => {
    const pages = ['/monitoring/ping', '/monitoring/ready', '/monitoring/metrics', '/docs', '/openapi.json'];
    const assets = '/docs/static/index.css';
    for (const path of [assets, `/lineage/proxy${assets}`, `//lineage/proxy/${assets}`]) {
      assert.equal((await get(mounted, path)).status, 200, path);
    }
    for (const path of pages) {
      const { text } = await get(proxy, path);
      for (const spelling of [`${path}/`, `/${path}`, path.replaceAll('/', '//'), `${path}//?a=//b`]) {
        const answer = await get(proxy, spelling);
        assert.equal(answer.status, 200, spelling);
        if (path === '/openapi.json') assert.equal(answer.text, text, spelling);
        assert.equal((await get(mounted, `/lineage/proxy${spelling}`)).status, 200, spelling);
        const { status, headers } = await post(proxy, '', { path: spelling });
        assert.deepEqual([status, headers.allow], [405, 'GET, HEAD'], spelling);
      }
    }
  });

  test('that is the root path itself is that of the root', async () => {
    for (const path of ['/lineage/proxy', '/lineage/proxy/', '//lineage/proxy//', '/lineage/proxy?a=b']) {
      await assertTaken(mounted, path);
      assert.equal((await get(mounted, path)).status, 404, path);
      const shown = await get(mounted, path, { headers: { accept: 'text/html' } });
      assert.equal(shown.status, 200, path);
      assert.ok(shown.text.includes('"/lineage/proxy/page/page.css"'), path);
    }
    const style = await get(mounted, '/lineage/proxy/page/page.css');
    assert.equal(style.headers['content-type'], 'text/css; charset=utf-8');
  });

  test('is understood in the absolute form that a forward proxy uses', async () => {
    for (const path of [`http://proxy:8002/api/v1/lineage`, 'http://proxy', 'http://proxy?a=/b']) {
      const connection = await RawConnection.open(proxy.port);
      await connection.send(rawPost(runEvent('absolute'), [], path));
      created(await connection.answer(), path);
      connection.cut();
    }
  });

  test('takes run, job and dataset events alike', async () => {
    for (const path of SINGLE) {
      for (const event of [runEvent('kinds'), jobEvent('kinds'), datasetEvent('kinds')]) {
        created(await post(proxy, event, { path }));
      }
    }
    const keys = (await stage.records()).map(({ key }) => key?.toString());
    for (const key of ['run:test/kinds', 'job:test/kinds', 'dataset:test/kinds']) {
      assert.equal(keys.filter((other) => other === key).length, SINGLE.length, key);
    }
  });

  test('that only resembles one of an event takes nothing', async () => {
    const event = runEvent('nowhere');
    const paths = [
      '/api/v1/lineages',
      '/api/v1',
      '/API/v1/lineage',
      '/api/v1/lineage/batches',
      '/x/api/v1/lineage',
    ];
    for (const path of paths) {
      const { status, text } = await post(proxy, event, { path });
      assert.deepEqual([status, errorOf(text).code], [404, 'not_found'], path);
    }
    const keys = (await stage.records()).map(({ key }) => key?.toString());
    assert.equal(keys.includes('run:test/nowhere'), false);
  });

  test('under a root path is served with it and without', async () => {
    for (const path of [...SINGLE, BATCH]) {
      await assertTaken(mounted, path);
      await assertTaken(mounted, `/lineage/proxy${path}`);
    }
    await assertTaken(mounted, '/lineage/proxy/api/v1/lineage/?a=b');
    for (const path of [
      '/monitoring/ping',
      '/monitoring/ready',
      '/monitoring/metrics',
      '/docs',
      '/openapi.json',
    ]) {
      assert.equal((await get(mounted, path)).status, 200, path);
      assert.equal((await get(mounted, `/lineage/proxy${path}`)).status, 200, path);
    }
    for (const path of ['/lineage/proxy2/api/v1/lineage', '/other/api/v1/lineage']) {
      assert.equal((await post(mounted, runEvent('elsewhere'), { path })).status, 404, path);
    }
    assert.deepEqual(parsed((await get(mounted, '/openapi.json')).text)['servers'], [
      { url: '/lineage/proxy' },
    ]);
  });

  test('is not served twice where the root path is the beginning of it', async () => {
    const proxy = await stage.proxy({ args: ['--root-path', '/api'] });
    for (const path of ['/api/api/v1/lineage', '/v1/openlineage']) await assertTaken(proxy, path);
    const { status } = await post(proxy, runEvent('elsewhere'), { path: '/api/v1/lineage' });
    assert.equal(status, 404);
  });

  test('of an event is documented with the ways to authenticate and the encodings', async () => {
    const document = parsed((await get(proxy, '/openapi.json')).text);
    const { scheme } = below(document, 'components', 'securitySchemes', 'bearer');
    assert.equal(scheme, 'bearer');
    for (const path of [...SINGLE, BATCH].filter((single) => single !== '/')) {
      const operation = below(document, 'paths', path, 'post');
      assert.deepEqual(operation['security'], [{}, { bearer: [] }, { certificate: [] }], path);
      const encodings = JSON.stringify(operation['parameters']);
      assert.match(encodings, /"enum":\["identity","gzip","deflate","br","zstd"\]/, path);
    }
  });

  test('of an event is documented with the errors that the table has for it', async () => {
    const document = parsed((await get(proxy, '/openapi.json')).text);
    const expected = Object.entries(errorTable).filter(([code]) => !ELSEWHERE.includes(code));
    for (const path of ['/api/v1/lineage', '/v1/openlineage', BATCH]) {
      const good = path === BATCH ? ['200'] : ['200', '201', '202'];
      const responses = below(document, 'paths', path, 'post', 'responses');
      const statuses = new Set(expected.map(([, { status }]) => String(status)));
      assert.deepEqual(Object.keys(responses).sort(), [...good, ...statuses].sort(), path);
      for (const [code, { status, when }] of expected) {
        const response = below(responses, String(status));
        const described = String(response['description']).split('\n\n');
        assert.ok(described.includes(`\`${code}\`: ${when}`), code);
        const example = below(response, 'content', 'application/json', 'examples', code)['value'];
        assert.equal(errorOf(JSON.stringify(example)).code, code);
      }
    }
    const codes = below(
      document,
      'components',
      'schemas',
      'Error',
      'properties',
      'error',
      'properties',
      'code',
    );
    assert.deepEqual(codes['enum'], Object.keys(errorTable));
  });

  test('has one error code for each status, but for a refusal by a rule of routing', () => {
    const codes = Object.entries(errorTable).filter(([code]) => code !== 'refused_by_rule');
    assert.equal(new Set(codes.map(([, { status }]) => status)).size, codes.length);
    assert.equal(errorTable.refused_by_rule.status, errorTable.forbidden.status);
  });

  test('of the document exists, and so does each reference', async () => {
    const text = (await get(proxy, '/openapi.json')).text;
    const document = parsed(text);
    const references = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference]) => reference ?? '');
    assert.ok(references.length > 0);
    for (const reference of references) below(document, ...reference.replace('#/', '').split('/'));
    for (const path of Object.keys(below(document, 'paths'))) {
      const method = 'get' in below(document, 'paths', path) ? 'GET' : 'POST';
      assert.notEqual((await get(proxy, path, { method })).status, 404, path);
    }
  });

  test('of the pages can be switched off', async () => {
    const bare = await stage.proxy({
      settings: { SERVER__MONITORING__ENABLED: 'false', SERVER__OPENAPI__ENABLED: 'false' },
    });
    for (const path of ['/monitoring/metrics', '/docs', '/docs/', '/openapi.json']) {
      assert.equal((await get(bare, path)).status, 404, path);
    }
    assert.equal((await get(bare, '/monitoring/ping')).status, 200);
  });
});

/** The object at the end of a path of keys. Fails when a key is missing. */
function below(value: Record<string, unknown>, ...way: string[]): Record<string, unknown> {
  let here = value;
  for (const step of way) {
    const next = here[step];
    assert.ok(isObject(next), `${way.join('/')}: there is no ${step}`);
    here = next;
  }
  return here;
}
