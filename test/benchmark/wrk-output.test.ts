import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseWrkOutput } from '../../benchmark/loads/wrk-output.ts';

const GOOD = `Running 4s test @ http://127.0.0.1:23456/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     2.57ms  1.04ms  28.80ms   95.52%
    Req/Sec    12.61k     1.43k   14.72k    75.00%
  Latency Distribution
     50%  843.00us
     75%    2.61ms
     90%    3.01ms
     99%    1.25s 
  50198 requests in 4.01s, 341.71MB read
Requests/sec:  12520.16
Transfer/sec:     85.22MB
99.9th percentile: 9551us
`;

suite("wrk's report", () => {
  test('is read, each time in milliseconds', () => {
    assert.deepEqual(parseWrkOutput(GOOD), {
      requests: 50198,
      seconds: 4.01,
      p50Ms: 0.843,
      p99Ms: 1250,
      p999Ms: 9.551,
      refused: 0,
      broken: 0,
    });
  });

  test('counts answers other than 2xx, and broken connections', () => {
    const bad = `${GOOD}  Socket errors: connect 1, read 20, write 300, timeout 4000
  Non-2xx or 3xx responses: 77
`;
    const { refused, broken } = parseWrkOutput(bad);
    assert.equal(refused, 77);
    assert.equal(broken, 4321);
  });

  test('has no latency when nothing was answered', () => {
    const silent = '     50%    0.00us\n  0 requests in 1.00m, 0.00B read\n';
    const output = parseWrkOutput(silent);
    assert.equal(output.requests, 0);
    assert.equal(output.seconds, 60);
    assert.ok(Number.isNaN(output.p99Ms));
  });

  test('is an error when it is missing', () => {
    assert.throws(() => parseWrkOutput('unable to connect to 127.0.0.1:1 Connection refused'), /unable/);
  });
});
