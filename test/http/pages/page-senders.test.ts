/** Senders who log in to the page with the credential that they post with: what each sees, and what it does not. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { MAX_OF_OWNER } from '../../../src/page/live-streams.ts';
import { temporaryFolder } from '../../../tools/kafka/folders.ts';
import { claims, SECRET_KEY, tokenOf } from '../../auth/personal-tokens/personal-token-samples.ts';
import { logged, logLines } from '../../stage/log-lines.ts';
import { parsed, post, spooled } from '../../stage/posting.ts';
import { runEvent } from '../../stage/sample-events.ts';
import { Stage } from '../../stage/stage.ts';
import type { StagedProxy } from '../../stage/staged-proxy.ts';

const KEYS = { trino: 'h2k_trino-hunter2', dbt: 'h2k_dbt-hunter2', spark: 'h2k_spark-hunter2' };

/** A sender of the same name as one with an API key. */
const OTHER_TRINO = `personal_token_${tokenOf({ ...claims, preferred_username: 'trino' })}`;

interface Entry {
  readonly name: string;
  readonly key: string;
  readonly namespaces?: readonly string[];
}

const LIMITED: Entry = { name: 'trino', key: KEYS.trino, namespaces: ['warehouse-*'] };
const UNLIMITED: Entry = { name: 'dbt', key: KEYS.dbt };

function fileOf(entries: readonly Entry[]): string {
  const senders = entries.map(({ name, key, namespaces }) => ({
    name,
    api_keys: [`sha256:${createHash('sha256').update(key).digest('hex')}`],
    ...(namespaces && { namespaces }),
  }));
  return JSON.stringify({ senders });
}

interface Message {
  readonly jobs: readonly string[];
  readonly text: string;
}

/** Someone on a machine of its own, whose browser has a cookie of the page after the login. */
class Viewer {
  static #last = 0;
  readonly #proxy: StagedProxy;
  readonly #address = `192.0.2.${(Viewer.#last += 1)}`;
  #cookie = '';

  constructor(proxy: StagedProxy) {
    this.#proxy = proxy;
  }

  static async of(proxy: StagedProxy, credential: string): Promise<Viewer> {
    const viewer = new Viewer(proxy);
    assert.equal((await viewer.login({ credential })).status, 303);
    return viewer;
  }

  open(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { accept: 'text/html', 'x-forwarded-for': this.#address, cookie: this.#cookie };
    return fetch(`${this.#proxy.url}${path}`, { redirect: 'manual', ...init, headers });
  }

  async login(fields: Readonly<Record<string, string>>): Promise<Response> {
    const answer = await this.open('/page/login', { method: 'POST', body: new URLSearchParams(fields) });
    this.#cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? '';
    return answer;
  }

  async text(path = '/'): Promise<string> {
    return (await this.open(path)).text();
  }

  /** The jobs of the table of events, the latest first. */
  async jobs(query = ''): Promise<readonly string[]> {
    const text = await this.text(`/${query}`);
    return jobsIn(text.slice(text.indexOf('id="rows"'), text.indexOf('id="refused"')));
  }

  async seesPage(): Promise<boolean> {
    return (await this.text()).includes('What arrives');
  }

  /** The messages of a new stream. */
  async *stream(query = ''): AsyncGenerator<Message, undefined> {
    const { body, status } = await this.open(`/page/stream${query}`);
    assert.equal(status, 200);
    assert.ok(body);
    let text = '';
    for await (const piece of body.pipeThrough(new TextDecoderStream())) {
      text += piece;
      for (let end; (end = text.indexOf('\n\n')) !== -1; text = text.slice(end + 2)) {
        const message = text.slice(0, end);
        if (message.includes('data: ')) yield { jobs: jobsIn(message), text: message };
      }
    }
    return undefined;
  }
}

async function nextOf(stream: AsyncGenerator<Message, undefined>): Promise<Message> {
  const { value } = await stream.next();
  return value ?? assert.fail('the stream has ended');
}

const JOB = /task-[\w-]+/g;

function jobsIn(text: string): readonly string[] {
  return text.match(JOB) ?? [];
}

suite('the page for senders', { timeout: 120_000 }, () => {
  const stage = new Stage();
  const folder = temporaryFolder('http2kafka-senders-');
  const file = join(folder, 'senders.yaml');
  let proxy: StagedProxy;

  const send = (key: string, job: string, namespace: string, more: object = {}) =>
    post(proxy, runEvent(`task-${job}`, { job: { namespace, name: `task-${job}` }, ...more }), {
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    });

  async function rewrite(entries: readonly Entry[]): Promise<void> {
    writeFileSync(file, fileOf(entries));
    const lines = proxy.log.split('SIGHUP: ').length;
    proxy.signal('SIGHUP');
    await logged(proxy, 'SIGHUP: ', lines);
  }

  before(async () => {
    writeFileSync(file, fileOf([LIMITED, UNLIMITED]));
    proxy = await stage.proxyWithoutKafka({
      settings: {
        AUTH__SENDERS_FILE: file,
        AUTH__PERSONAL_TOKENS__ENABLED: 'true',
        AUTH__PERSONAL_TOKENS__SECRET_KEY: SECRET_KEY,
        AUTH__PERSONAL_TOKENS__CHECK_REVOCATION: 'false',
        SERVER__PAGE__SENDERS: 'true',
      },
    });
    spooled(await send(KEYS.dbt, 'of-dbt-shared', 'warehouse-a'));
    spooled(await send(KEYS.dbt, 'of-dbt', 'shop'));
    spooled(await send(KEYS.trino, 'of-trino', 'warehouse-b', { run: { runId: runId(1) } }));
    spooled(await send(OTHER_TRINO, 'of-other-trino', 'shop', { run: { runId: runId(2) } }));
    assert.equal((await send(KEYS.trino, 'forbidden-to-trino', 'shop')).status, 403);
    // Its namespace is one of the other sender: it was never held against the limits of this one.
    assert.equal((await send(KEYS.dbt, 'broken-of-dbt', 'warehouse-a', { eventTime: 'x' })).status, 422);
    assert.equal((await send(OTHER_TRINO, 'broken-of-other', 'warehouse-a', { run: 1 })).status, 422);
    assert.equal((await send('h2k_of-a-stranger', 'of-stranger', 'warehouse-a')).status, 401);
  });
  after(async () => {
    await stage.stop();
    rmSync(folder, { recursive: true });
  });

  test('is that of its namespaces, and of its own refusals', async () => {
    const viewer = await Viewer.of(proxy, KEYS.trino);
    const rows = ['task-forbidden-to-trino', 'task-of-trino', 'task-of-dbt-shared'];
    assert.deepEqual(await viewer.jobs(), rows);
    assert.deepEqual(await viewer.jobs('?text=shop'), rows.slice(0, 1));
    for (const query of ['?job=broken', '?outcome=unauthorized', '?namespace=warehouse-a&outcome=refused'])
      assert.deepEqual(await viewer.jobs(query), [], query);
    for (const text of [await viewer.text(), await viewer.text('/page/parts')]) {
      assert.deepEqual([...new Set(jobsIn(text))].sort(), rows.toSorted());
      assert.match(text, /Refused: 1</);
      assert.match(text, /events and runs in its namespaces/);
      assert.match(text, /No broker answers|Kafka is unavailable/);
      for (const hidden of [/Settings in force/, /server\.page/, /<h3>Limits/, /warnings/i, /192\.0\.2/])
        assert.doesNotMatch(text, hidden);
    }
  });

  test('has the quality of its own events', async () => {
    const { quality } = parsed(await (await Viewer.of(proxy, KEYS.trino)).text('/page/parts'));
    assert.match(String(quality), /<bdi>trino<\/bdi>/);
    assert.doesNotMatch(String(quality), /dbt/);
  });

  test('has a stream of the same, whose numbers count no other sender', async () => {
    const viewer = await Viewer.of(proxy, KEYS.trino);
    const stream = viewer.stream('?after=1');
    const first = await nextOf(stream);
    assert.deepEqual(first.jobs, ['task-forbidden-to-trino', 'task-of-trino', 'task-of-dbt-shared']);
    assert.match(first.text, /^id: 0$/m);
    assert.match(first.text, /"sequence":0,"skipped":0,"restarted":true/);
    spooled(await send(KEYS.dbt, 'new-of-dbt', 'shop'));
    assert.equal((await send(KEYS.dbt, 'new-broken', 'warehouse-a', { eventTime: 1 })).status, 422);
    spooled(await send(KEYS.dbt, 'new-shared', 'warehouse-c'));
    const second = await nextOf(stream);
    assert.deepEqual(second.jobs, ['task-new-shared']);
    assert.match(second.text, /"sequence":0,"skipped":0/);
    await stream.return(undefined);
  });

  test('is that of its own events without namespaces, and not of a sender of the same name', async () => {
    const other = await Viewer.of(proxy, OTHER_TRINO);
    assert.deepEqual(await other.jobs(), ['task-broken-of-other', 'task-of-other-trino']);
    const dbt = await Viewer.of(proxy, `bearer ${KEYS.dbt}`);
    const own = ['task-new-shared', 'task-new-broken', 'task-new-of-dbt'];
    assert.deepEqual(await dbt.jobs(), [...own, 'task-broken-of-dbt', 'task-of-dbt', 'task-of-dbt-shared']);
    for (const [viewer, mine, foreign] of [
      [other, 'other', 'dbt'],
      [dbt, 'dbt', 'trino'],
    ] as const) {
      const text = await viewer.text('/page/parts');
      assert.match(text, /its own events and runs/);
      assert.ok(jobsIn(text).length > 0 && jobsIn(text).every((job) => !job.includes(foreign)), text);
      assert.ok(mine !== 'other' || jobsIn(text).every((job) => job.includes(mine)), text);
    }
  });

  test('follows the senders file: its namespaces at once, and the end of a key', async () => {
    const viewer = await Viewer.of(proxy, KEYS.trino);
    const stream = viewer.stream();
    await nextOf(stream);
    await rewrite([{ ...LIMITED, namespaces: ['shop'] }, UNLIMITED]);
    // Rows that it may not see any more could come with it. The next one has those of the new limits.
    assert.equal((await stream.next()).done, true);
    const jobs = ['task-new-of-dbt', 'task-forbidden-to-trino', 'task-of-other-trino', 'task-of-dbt'];
    assert.deepEqual(await viewer.jobs(), jobs);
    const renewed = viewer.stream();
    assert.deepEqual((await nextOf(renewed)).jobs, jobs);
    // The key has another sender now.
    await rewrite([
      { ...LIMITED, key: KEYS.spark },
      { ...UNLIMITED, key: KEYS.trino },
    ]);
    assert.equal((await renewed.next()).done, true);
    assert.ok(!(await viewer.seesPage()));
    await rewrite([LIMITED, UNLIMITED]);
    assert.ok(!(await viewer.seesPage()), 'a session that has ended does not come back');
  });

  test('takes no stream from others, and little time from events', async () => {
    const viewer = await Viewer.of(proxy, KEYS.dbt);
    const streams = [];
    for (let i = 0; i <= MAX_OF_OWNER; i++) streams.push(await viewer.open('/page/stream'));
    const answers = await Promise.all(Array.from({ length: 200 }, () => viewer.open('/page/parts')));
    const refused = await viewer.open('/page/stream');
    const whole = await fetch(`${proxy.url}/page/stream`);
    assert.deepEqual(
      streams.map(({ status }) => status),
      [...new Array<number>(MAX_OF_OWNER).fill(200), 503],
    );
    assert.ok(answers.some(({ status }) => status === 503));
    assert.deepEqual([refused.status, whole.status], [503, 200]);
    for (const { body } of [...streams, ...answers, refused, whole]) await body?.cancel();
  });

  test('is refused to wrong keys, which are logged without the key, and are no refused event', async () => {
    const stranger = new Viewer(proxy);
    assert.match(await stranger.text(), /Key or token of a sender/);
    const wrong = 'h2k_wrong-hunter2';
    const expired = tokenOf({ ...claims, exp: 1_755_100_000 });
    const answers = [
      [wrong, /The key or token is not valid: Unknown API key/],
      [`personal_token_${expired}`, /The key or token is not valid: Token has expired/],
      ['two words', /The key or token is not valid\./],
      ['', /The key or token is not valid\./],
    ] as const;
    for (const [credential, message] of answers) {
      const answer = await stranger.login({ credential });
      assert.equal(answer.status, 403);
      assert.match(await answer.text(), message);
    }
    for (let i: number = answers.length; i < 10; i++) await stranger.login({ credential: wrong });
    assert.equal((await stranger.login({ credential: KEYS.trino })).status, 429);
    assert.equal((await stranger.open('/page/parts')).status, 404);
    const lines = (await logLines(proxy)).filter((line) => line.includes('No login to the page: '));
    assert.match(lines.join('\n'), /No login to the page: Invalid token: Unknown API key/);
    assert.match(lines.join('\n'), /Token has expired: the token "trino-prod" of alice/);
    assert.match(lines.at(-1) ?? '', /too many attempts/);
    assert.doesNotMatch(proxy.log, /hunter2|two words|eyJ/);
    const whole = await (await fetch(`${proxy.url}/`, { headers: { accept: 'text/html' } })).text();
    assert.ok(whole.includes('task-of-other-trino') && !whole.includes('/page/login:'));
  });

  test('is not there without the setting; a wrong password is logged, and a name only if it is known', async () => {
    const user = `ana:scrypt:16384:c2FsdCBzYWx0IHNhbHQgcw:${Buffer.alloc(32).toString('base64url')}`;
    const closed = await stage.proxyWithoutKafka({
      settings: { AUTH__SENDERS_FILE: file, SERVER__PAGE__USERS: user },
    });
    const viewer = new Viewer(closed);
    assert.ok(!(await viewer.text()).includes('Key or token'));
    assert.equal((await viewer.login({ credential: KEYS.trino })).status, 403);
    assert.ok(!(await viewer.seesPage()));
    await viewer.login({ name: 'ana', password: 'hunter2' });
    await viewer.login({ name: 'hunter2', password: 'x' });
    await logged(closed, 'No login to the page: the password of ana is wrong');
    await logged(closed, 'No login to the page: the name is unknown', 2);
    assert.ok(!closed.log.includes('hunter2'));
  });
});

function runId(number: number): string {
  return `01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b0${number}`;
}
