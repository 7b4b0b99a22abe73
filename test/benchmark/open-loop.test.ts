import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { promisify } from 'node:util';
import { Value } from 'typebox/value';
import { Gaps, Outcome, percentilesOf } from '../../benchmark/loads/open-loop/plan.ts';
import { mix } from '../../benchmark/loads/bodies.ts';

const sender = join(import.meta.dirname, '..', '..', 'benchmark', 'loads', 'open-loop', 'sender.ts');

suite('the open loop', () => {
  test('has the same random gaps each time, with a mean of 1', () => {
    const [gaps, again] = [new Gaps(), new Gaps()];
    let sum = 0;
    for (let count = 0; count < 100_000; count++) {
      const gap = gaps.next();
      assert.ok(gap > 0);
      assert.equal(gap, again.next());
      sum += gap;
    }
    assert.ok(Math.abs(sum / 100_000 - 1) < 0.02, `${sum}`);
  });

  test('finds percentiles, also of nothing', () => {
    const times = Array.from({ length: 1000 }, (_, index) => 1000 - index);
    assert.deepEqual(percentilesOf(times), { p50Ms: 501, p99Ms: 991, p999Ms: 1000 });
    assert.deepEqual(percentilesOf([]), { p50Ms: 0, p99Ms: 0, p999Ms: 0 });
  });

  test('posts the mix at the rate, whatever the answers are, and counts refusals', async () => {
    const bodies = new Set<string>();
    let count = 0;
    const outcome = await outcomeOf(400, (request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        bodies.add(Buffer.concat(pieces).toString());
        count += 1;
        response.writeHead(count % 3 === 0 ? 503 : 201).end('text');
      });
    });
    assert.deepEqual(bodies, new Set(mix().bodies.map(String)));
    // 280 events in 0.7 s, 200 of which count. These random gaps make a few more or less of them.
    assert.ok(count > 230 && count < 330, `${count}`);
    assert.ok(outcome.taken + outcome.refused > 150 && outcome.taken + outcome.refused < 250);
    assert.ok(outcome.refused > 0 && outcome.taken > outcome.refused);
    assert.equal(outcome.broken, 0);
  });

  test('does not wait for answers to send the next requests', async () => {
    const waiting: (() => void)[] = [];
    let isStalled = true;
    // With one connection and a closed loop there would be one request.
    const outcome = await outcomeOf(100, (request, response) => {
      request.resume();
      waiting.push(() => response.writeHead(201).end());
      if (waiting.length >= 30) isStalled = false;
      if (!isStalled) for (const answer of waiting.splice(0)) answer();
    });
    assert.ok(outcome.connections > 10, `${outcome.connections} connections`);
  });

  test('counts broken connections', async () => {
    const outcome = await outcomeOf(100, (request) => request.socket.destroy());
    assert.equal(outcome.taken, 0);
    assert.ok(outcome.broken > 0);
  });

  test('finds the highest rate in a closed loop', async () => {
    const outcome = await outcomeOf(0, (request, response) => {
      request.resume().on('end', () => response.writeHead(201).end());
    });
    assert.ok(outcome.taken > 0);
    assert.equal(outcome.perSecond, outcome.taken / 0.5);
  });
});

/** 0.7 s with one connection at the begin, of which 0.5 s count. */
async function outcomeOf(rate: number, listener: RequestListener): Promise<Outcome> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address);
  const url = `http://127.0.0.1:${address.port}/`;
  const plan = { url, headers: {}, rate, warmUp: 0.2, seconds: 0.5, connections: 1 };
  const { stdout } = await promisify(execFile)(process.execPath, [sender, JSON.stringify(plan)]);
  server.closeAllConnections();
  server.close();
  return Value.Parse(Outcome, JSON.parse(stdout));
}
