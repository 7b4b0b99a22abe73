// What `make compat` does besides running the programs: what it takes from the documentation, what it stores, what it judges.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { keyOf } from '../../tools/compat/clients/key.ts';
import {
  adapt,
  blocksOf,
  documentedBlock,
  DOCUMENTED_ADDRESS,
} from '../../tools/compat/documented-blocks.ts';
import { disorderedRuns } from '../../tools/compat/load-balancers/order.ts';
import { haproxy, nginx } from '../../tools/compat/load-balancers/servers.ts';
import { once, step } from '../../tools/compat/install.ts';
import { pageOf } from '../../tools/compat/page.ts';
import { readRows, withRow, type Row } from '../../tools/compat/results.ts';
import { NotHere } from '../../tools/compat/trial.ts';

const docs = join(import.meta.dirname, '..', '..', 'docs');

describe('the page of compatibility', () => {
  it('is what the stored results give', async () => {
    assert.equal(readFileSync(join(docs, 'compatibility.md'), 'utf8'), await pageOf(readRows()));
  });

  it('says what was not tried, and why', async () => {
    const row: Row = {
      group: 'clients',
      label: 'a client',
      version: '1.0',
      date: '2026-11-29',
      state: 'not tried',
      cells: {},
      missing: { version: '1.0', date: '2026-11-29', reason: 'the registry has no such version' },
    };
    const page = await pageOf({ client: row });
    assert.match(page, /^- Not tried here: a client 1\.0 \(2026-11-29\): the registry has no such version$/m);
  });
});

describe('stored results', () => {
  const tried: Row = {
    group: 'clients',
    label: 'a client',
    version: '1.0',
    date: '2026-11-01',
    state: 'as documented',
    cells: { events: '3' },
  };
  const missing = { version: '2.0', date: '2026-11-29', reason: 'not to be had' };
  const untried: Row = {
    ...tried,
    version: '2.0',
    date: '2026-11-29',
    state: 'not tried',
    cells: {},
    missing,
  };

  it('keep what was tried when a newer version cannot be had, and say that', async () => {
    const rows = withRow({ a: tried }, 'a', untried);
    assert.deepEqual(rows, { a: { ...tried, missing } });
    const page = await pageOf(rows);
    assert.match(page, /^\| a client +\| 1\.0 +\| 2026-11-01 \|/m);
    assert.match(page, /^- Not tried here: a client 2\.0 \(2026-11-29\): not to be had$/m);
  });

  it('replace a row by what was tried later, and leave the others', () => {
    assert.deepEqual(withRow({ a: untried, b: tried }, 'a', tried), { a: tried, b: tried });
    assert.deepEqual(withRow({ b: tried }, 'a', untried), { a: untried, b: tried });
    const later = { ...tried, date: '2026-11-30' };
    assert.deepEqual(withRow({ a: { ...tried, missing } }, 'a', later), { a: later });
  });
});

describe('installations', () => {
  const folder = () => join(mkdtempSync(join(tmpdir(), 'http2kafka-compat-test-')), 'thing');

  it('are made once, and again when something else is wanted', async () => {
    const place = folder();
    const made: string[] = [];
    for (const wanted of ['a==1', 'a==1', 'a==2'])
      await once(place, [wanted], () => Promise.resolve(void made.push(wanted)));
    assert.deepEqual(made, ['a==1', 'a==2']);
  });

  it('that fail say in one line what is not to be had, and are tried again the next time', async () => {
    const place = folder();
    const failing = () =>
      step({ command: ['sh', '-c', 'echo Collecting a; echo ERROR: no matching a >&2; exit 1'] });
    await assert.rejects(once(place, ['a==1'], failing), new NotHere('ERROR: no matching a'));
    let made = false;
    await once(place, ['a==1'], () => Promise.resolve(void (made = true)));
    assert.ok(made);
  });
});

describe('blocks of the documentation', () => {
  const page =
    '# Page\n\n## One\n\n```sh\na\n```\n\n- item:\n\n  ```sh\n  b\n    c\n  ```\n\n### Below\n\n```yaml\nd\n```\n\n## Two\n\n```sh\ne\n```\n';

  it('are found below their heading, by language, without the indentation of a list', () => {
    assert.deepEqual(blocksOf(page, 'One', 'sh'), ['a\n', 'b\n  c\n']);
    assert.deepEqual(blocksOf(page, 'One', 'yaml'), ['d\n']);
    assert.deepEqual(blocksOf(page, 'Two', 'sh'), ['e\n']);
    assert.deepEqual(blocksOf(page, 'Three', 'sh'), []);
  });

  it('are not adapted when the page has changed', () => {
    assert.equal(adapt('listen 1;', { '1': '2' }), 'listen 2;');
    assert.throws(() => adapt('listen 1;', { 'bind 1': 'bind 2' }), /the documented block has no "bind 1"/);
  });

  it('have the address of the proxy for each client that is tried', () => {
    for (const [heading, language] of [
      ['openlineage-python', 'yaml'],
      ['openlineage-java', 'yaml'],
      ['Spark', 'sh'],
      ['dbt', 'sh'],
      ['dlt', 'python'],
      ['Dagster', 'sh'],
      ['SQLMesh', 'python'],
      ['Go client', 'go'],
    ] as const)
      assert.ok(documentedBlock('clients.md', heading, language).includes(DOCUMENTED_ADDRESS), heading);
  });

  it('are the configurations of the load balancers, with the ports of the trial', () => {
    const ports = { front: 1001, one: 1002, two: 1003 };
    for (const balancer of [haproxy, nginx]) {
      const text = balancer.configuration(ports, '/folder');
      for (const port of [1001, 1002, 1003]) assert.ok(text.includes(`127.0.0.1:${port}`), balancer.name);
      assert.doesNotMatch(text, /10\.0\.0\.|8002/);
    }
  });
});

describe('what a trial judges', () => {
  it('expects the key of the job at the root of a run', () => {
    const job = (name: string) => ({ namespace: 'n', name });
    assert.equal(keyOf({ run: {}, job: job('own') }), 'run:n/own');
    const parent = { job: job('parent') };
    assert.equal(keyOf({ run: { facets: { parent } }, job: job('own') }), 'run:n/parent');
    const root = { ...parent, root: { job: job('root') } };
    assert.equal(keyOf({ run: { facets: { parent: root } }, job: job('own') }), 'run:n/root');
    assert.equal(keyOf({ job: job('own') }), 'job:n/own');
    assert.equal(keyOf({ dataset: job('own') }), 'dataset:n/own');
  });

  it('counts runs that are out of order, twice there, or not complete', () => {
    const event = (state: string, name: string, namespace = 'order') =>
      JSON.stringify({ eventType: state, job: { namespace, name } });
    const run = (name: string, ...states: string[]) => states.map((state) => event(state, name));
    assert.equal(disorderedRuns(run('a', 'START', 'RUNNING', 'COMPLETE')), 0);
    assert.equal(disorderedRuns(run('a', 'START', 'COMPLETE', 'RUNNING')), 1);
    assert.equal(disorderedRuns(run('a', 'START', 'START', 'RUNNING', 'COMPLETE')), 1);
    assert.equal(disorderedRuns([...run('a', 'START'), ...run('b', 'START', 'RUNNING', 'COMPLETE')]), 1);
    assert.equal(disorderedRuns([event('COMPLETE', 'a', 'another namespace')]), 0);
  });
});
