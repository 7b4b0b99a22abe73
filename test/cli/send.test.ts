import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, before, beforeEach, suite, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { ran, ranProgram, root } from '../config/child.ts';
import { Stage } from '../stage/stage.ts';
import { datasetEvent, jobEvent, runEvent } from '../stage/sample-events.ts';
import { until } from '../stage/until.ts';

/** The number-th event of a run. */
const eventOf = (run: number, number: number) =>
  runEvent(`run ${run}`, { run: { runId: runId(run) }, number }).toString();
const runId = (run: number) => `01990c5e-5d3b-7a4e-8c1f-${String(run).padStart(12, '0')}`;

const Posted = Type.Object({ run: Type.Object({ runId: Type.String() }), number: Type.Number() });
const Summary = Type.Object({
  kept: Type.Integer(),
  refused: Type.Integer(),
  retries: Type.Integer(),
  stopped: Type.Union([Type.String(), Type.Null()]),
  answers: Type.Array(Type.Object({ status: Type.Integer(), events: Type.Integer() })),
  ended_before: Type.Optional(Type.Integer()),
  sent_again: Type.Optional(Type.Integer()),
});
const summaryOf = (stdout: string) => Value.Parse(Summary, JSON.parse(stdout));

void suite('http2kafka send', { timeout: 240_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-send-'));
  const file = (name: string) => join(folder, name);
  const refused = file('refused.jsonl');
  /** Bodies in the order of their arrival. */
  let bodies: string[] = [];
  let server: Server;
  let url = '';
  /** What the endpoint does with a request, beside the number of those before it. */
  let answer: (request: IncomingMessage, response: ServerResponse, body: string) => void;

  before(async () => {
    server = createServer((request, response) => {
      void buffer(request).then((body) => {
        bodies.push(body.toString());
        answer(request, response, body.toString());
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(typeof address === 'object' && address);
    url = `http://127.0.0.1:${address.port}`;
  });
  after(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    bodies = [];
    rmSync(refused, { force: true });
    answer = (_request, response) => response.writeHead(201, { 'x-delivery': 'kafka' }).end();
  });

  const sent = (args: readonly string[]) =>
    ranProgram(['send', ...args, '--url', url, '--refused', refused, '--json']);

  /** The numbers of the events that arrived, for each run. */
  function numbersByRun(): Map<string, number[]> {
    const found = new Map<string, number[]>();
    for (const body of bodies) {
      const { run, number } = Value.Parse(Posted, JSON.parse(body));
      const numbers = found.get(run.runId) ?? [];
      numbers.push(number);
      found.set(run.runId, numbers);
    }
    return found;
  }

  /** JSON lines with the events of several runs in turn. */
  function writeRuns(name: string, runs: number, events: number): string {
    const lines: string[] = [];
    for (let n = 0; n < events; n++) for (let run = 0; run < runs; run++) lines.push(eventOf(run, n));
    writeFileSync(file(name), lines.join('\n'));
    return file(name);
  }

  test('sends the events of all kinds of files as the bytes that they have there', async () => {
    const one = runEvent('one').toString();
    const pretty = JSON.stringify(JSON.parse(jobEvent('pretty').toString()), null, 2);
    mkdirSync(file('kinds/inner'), { recursive: true });
    writeFileSync(file('kinds/1.json'), `\n ${one}\n`);
    writeFileSync(file('kinds/2.json'), `[${pretty} , ${datasetEvent('set').toString()}]`);
    writeFileSync(file('kinds/inner/3.jsonl.gz'), gzipSync(`${eventOf(1, 1)}\n\n${eventOf(1, 2)}`));
    writeFileSync(file('kinds/4.json'), `${eventOf(2, 1)}\r\n${eventOf(2, 2)}\r\n`);
    const { status, stdout, stderr } = await sent([file('kinds'), '--connections', '1']);
    assert.deepEqual([status, stderr], [0, '']);
    assert.deepEqual(
      bodies.map((body) => body.trim()),
      [
        one,
        pretty,
        datasetEvent('set').toString(),
        ...[1, 2].map((n) => eventOf(2, n)),
        ...[1, 2].map((n) => eventOf(1, n)),
      ],
    );
    assert.equal(summaryOf(stdout).kept, 7);
  });

  test('keeps the order of each run, with several requests at once', async () => {
    let atOnce = 0;
    let most = 0;
    answer = (_request, response, body) => {
      atOnce += 1;
      most = Math.max(most, atOnce);
      // Answers come in another order than the requests.
      setTimeout(() => {
        atOnce -= 1;
        response.writeHead(201).end();
      }, body.length % 7);
    };
    const { status } = await sent([writeRuns('runs.jsonl', 5, 30), '--connections', '4']);
    assert.equal(status, 0);
    assert.equal(most, 4);
    const runs = numbersByRun();
    assert.equal(runs.size, 5);
    for (const numbers of runs.values()) assert.deepEqual(numbers, [...Array(30).keys()]);
  });

  test('tries again while the endpoint is unavailable, and keeps the order', async () => {
    let count = 0;
    answer = (request, response) => {
      count += 1;
      if (count === 3) response.writeHead(503, { 'retry-after': '0' }).end();
      else if (count === 5) request.socket.destroy();
      else if (count === 6) response.writeHead(429).end();
      else response.writeHead(200).end();
    };
    const { status, stdout } = await sent([writeRuns('retried.jsonl', 1, 6)]);
    const { kept, retries } = summaryOf(stdout);
    assert.deepEqual([status, kept, retries], [0, 6, 3]);
    assert.deepEqual([...numbersByRun().values()][0], [0, 1, 2, 2, 3, 3, 3, 4, 5]);
  });

  test('writes what is refused into a file with the reason, and sends the rest', async () => {
    const error = { code: 'invalid_request', message: 'Invalid request', details: [{ code: 'missing' }] };
    answer = (_request, response, body) => {
      if (body.includes('"number":1')) response.writeHead(422).end(JSON.stringify({ error }));
      else if (body.includes('"number":2')) response.writeHead(404).end('<p>not here</p>');
      else response.writeHead(201).end();
    };
    const path = writeRuns('refusing.jsonl', 1, 4);
    const { status, stdout } = await sent([path]);
    assert.equal(status, 1);
    assert.deepEqual([summaryOf(stdout).kept, summaryOf(stdout).refused], [2, 2]);
    const [first, second] = readFileSync(refused, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
    assert.deepEqual(first, { file: path, line: 2, status: 422, error, event: eventOf(0, 1) });
    assert.deepEqual(second, {
      file: path,
      line: 3,
      status: 404,
      error: '<p>not here</p>',
      event: eventOf(0, 2),
    });
  });

  test('goes on behind its journal after it was killed', async () => {
    const events = writeRuns('killed.jsonl', 20, 20);
    const journal = file('journal');
    const args = ['send', events, '--url', url, '--refused', refused, '--journal', journal, '--json'];
    const child = spawn(process.execPath, ['--', 'src/main.ts', ...args], { cwd: root, stdio: 'ignore' });
    answer = (_request, response) => {
      // The answers to the last requests never arrive.
      if (bodies.length < 150) response.writeHead(201).end();
    };
    await until(
      () => Promise.resolve(bodies.length),
      (count) => count >= 157,
    );
    child.kill('SIGKILL');
    await once(child, 'exit');
    answer = (_request, response) => response.writeHead(201).end();
    const { status, stdout, stderr } = await ranProgram(args);
    assert.equal(status, 0);
    const { kept, ended_before: before, sent_again: again } = summaryOf(stdout);
    assert.equal(kept + (before ?? 0), 400);
    assert.equal(again, 8);
    assert.match(stderr, /^The journal has 149 events that ended\. 8 had begun: they are sent again\.\n/);
    assert.equal(bodies.length, 400 + 8);
    for (const numbers of numbersByRun().values()) {
      // An event that is sent again follows the one before it once more.
      assert.deepEqual([...new Set(numbers)], [...Array(20).keys()]);
    }
    const third = await ranProgram(args);
    assert.deepEqual([third.status, summaryOf(third.stdout).kept, bodies.length], [0, 0, 408]);
  });

  test('does not use the journal of other files or another endpoint', async () => {
    const events = writeRuns('own.jsonl', 1, 1);
    const journal = file('own-journal');
    assert.equal((await sent([events, '--journal', journal])).status, 0);
    for (const [args, reason] of [
      [[writeRuns('other.jsonl', 1, 1), '--journal', journal], /is the journal of other files/],
      [[events, '--journal', events], /is not a journal of http2kafka send/],
    ] as const) {
      const { status, stderr } = await sent(args);
      assert.equal(status, 1);
      assert.match(stderr, reason);
    }
    const { status, stderr } = await ranProgram([
      'send',
      events,
      '--url',
      `${url}/other`,
      '--journal',
      journal,
    ]);
    assert.equal(status, 1);
    assert.match(stderr, /is the journal of a sending to http:\S+\/api\/v1\/lineage\./);
    writeFileSync(events, `${eventOf(0, 0)}\n${eventOf(0, 1)}`);
    assert.match((await sent([events, '--journal', journal])).stderr, /or the files have changed/);
  });

  test('stops when the endpoint stays unavailable, and says how to go on', async () => {
    answer = (_request, response) => {
      if (bodies.length > 2) response.writeHead(503, { 'retry-after': '0' }).end();
      else response.writeHead(201).end();
    };
    const args = [writeRuns('stopped.jsonl', 1, 9), '--attempts', '2', '--journal', file('stopped')];
    const { status, stdout } = await ranProgram(['send', ...args, '--url', url]);
    assert.equal(status, 1);
    assert.match(stdout, /^2 kept, 0 refused, 1 retries$/m);
    assert.match(
      stdout,
      /^Stopped: it answers with status 503, after 2 of 2 attempts\. Call the command again to go on$/m,
    );
    assert.deepEqual([...numbersByRun().values()][0], [0, 1, 2, 2]);
  });

  test('stops on SIGINT, and lets the requests in flight end', async () => {
    const waiting: ServerResponse[] = [];
    answer = (_request, response) => void waiting.push(response);
    const args = ['send', writeRuns('interrupted.jsonl', 9, 9), '--url', url, '--connections', '3'];
    const child = spawn(process.execPath, ['--', 'src/main.ts', ...args], { cwd: root });
    const stdout = buffer(child.stdout);
    await until(
      () => Promise.resolve(waiting.length),
      (count) => count === 3,
    );
    child.kill('SIGINT');
    setTimeout(() => waiting.map((response) => response.writeHead(201).end()), 300);
    assert.deepEqual(await once(child, 'exit'), [1, null]);
    const text = (await stdout).toString();
    assert.match(text, /^3 kept, 0 refused, 0 retries$/m);
    assert.match(text, /^Stopped: interrupted\. What was sent is not noted\. Use --journal/m);
    assert.equal(bodies.length, 3);
  });

  test('sends no more events a second than --rate says', async () => {
    const times: number[] = [];
    answer = (_request, response) => {
      times.push(performance.now());
      response.writeHead(201).end();
    };
    const startedAt = performance.now();
    assert.equal((await sent([writeRuns('rate.jsonl', 11, 1), '--rate', '20'])).status, 0);
    // The first one begins at once, each other 50 ms after the one before it. A slow machine only makes it later.
    assert.ok((times.at(-1) ?? 0) - startedAt >= 10 * 50);
  });

  test('reads standard input, and sends the API key', async () => {
    let authorization: string | undefined;
    answer = (request, response) => {
      ({ authorization } = request.headers);
      response.writeHead(201).end();
    };
    writeFileSync(file('key'), 'secret-key\n');
    const command = `printf '%s\\n' '${eventOf(1, 0)}' '${eventOf(1, 1)}' | exec "$NODE" -- src/main.ts send - --url ${url} --api-key-file ${file('key')}`;
    const { status, stdout } = await ran('sh', ['-c', command], { NODE: process.execPath });
    assert.equal(status, 0);
    assert.match(stdout, /^2 kept, 0 refused, 0 retries$/m);
    assert.equal(authorization, 'Bearer secret-key');
    assert.ok(!existsSync(refused));
  });

  test('names each wrong argument', async () => {
    const wrong: readonly (readonly [args: readonly string[], text: RegExp])[] = [
      [['x.json', '--url', 'localhost:8002'], /--url is an address such as http:\/\/localhost:8002/],
      [['x.json', '--url', 'http://me:secret@host'], /--url has credentials\. Use --api-key-file/],
      [['x.json', '--url', url, '--rate', '0'], /--rate is a number above 0/],
      [['x.json', '--url', url, '--connections', '1.5'], /--connections is a number from 1 to 1000/],
      [['x.json', '--url', url, '--attempts', '0'], /--attempts is a number from 1 to 1000/],
      [['x.json', '--url', url, '--timeout', '-1'], /--timeout is above 0/],
      [['x.json'], /required option '--url <url>' not specified/],
    ];
    for (const [args, text] of wrong) {
      const { status, stderr } = await ranProgram(['send', ...args]);
      assert.equal(status, 2, stderr);
      assert.match(stderr, text);
    }
    const { status, stderr } = await sent([file('absent.json')]);
    assert.equal(status, 1);
    assert.match(stderr, /absent\.json/);
  });
});

void suite('http2kafka send to a proxy', { timeout: 120_000 }, () => {
  const stage = new Stage();
  after(() => stage.stop());

  test('shows how the events were kept', async () => {
    const proxy = await stage.launch();
    const { status, stdout } = await ranProgram(['send', 'examples', '--url', proxy.url]);
    assert.equal(status, 0);
    assert.match(stdout, /^status {2}delivery or error {2}events\n201 {5}spool +19$/m);
  });

  test('does not count what a routing rule drops as kept', async () => {
    const rules = [{ name: 'running', when: { event_type: 'RUNNING' }, drop: true }];
    const proxy = await stage.launch({ settings: { ROUTING__RULES: JSON.stringify(rules) } });
    const { status, stdout } = await ranProgram(['send', 'examples/python', '--url', proxy.url]);
    assert.equal(status, 0);
    assert.match(stdout, /^200 {5}dropped +1$/m);
    assert.match(stdout, /^\d+ kept, 1 dropped by rules, 0 refused, 0 retries$/m);
  });
});
