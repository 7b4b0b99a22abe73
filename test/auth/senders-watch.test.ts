/** What a new version of the senders file changes, and what it keeps. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { suite, test, type TestContext } from 'node:test';
import { pino } from 'pino';
import { SendersWatch } from '../../src/auth/senders-watch.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import { temporaryFile } from '../config/loading.ts';

const LIMITED = `senders:
  - name: trino
    way: oidc
    events_per_second: 0.001
    namespaces: [prod]
`;

const trino = { way: 'oidc', name: 'trino' } as const;

function watched(test: TestContext, text: string) {
  const log: string[] = [];
  const path = temporaryFile(test, 'senders.yaml', text);
  const logger = pino({ base: null }, { write: (line: string) => log.push(line) });
  const watch = new SendersWatch(path, createMetrics(), logger);
  test.after(() => watch.close());
  return { watch, log, write: (version: string) => writeFileSync(path, version) };
}

suite('a new version of the senders file', () => {
  test('keeps the quotas of the senders that stay', (t) => {
    const { watch, write } = watched(t, LIMITED);
    assert.equal(watch.senders.limitsOf(trino).quota?.take(), true);
    assert.equal(watch.senders.limitsOf(trino).quota?.take(), false);
    for (const version of [LIMITED, LIMITED.replace('0.001', '0.002'), `${LIMITED}  - name: new\n`]) {
      write(version);
      assert.ok(watch.reload());
      assert.equal(watch.senders.limitsOf(trino).quota?.take(), false);
    }
    const another = { way: 'oidc', name: 'another' } as const;
    write(LIMITED.replace('trino', "'*'"));
    assert.ok(watch.reload());
    assert.equal(watch.senders.limitsOf(another).quota?.take(), true);
    assert.equal(watch.senders.limitsOf(trino).quota?.take(), false);
  });

  test('also where a version between had no quota for them', (t) => {
    const { watch, write } = watched(t, LIMITED);
    assert.equal(watch.senders.limitsOf(trino).quota?.take(), true);
    write(LIMITED.replace(/.*events_per_second.*\n/, ''));
    assert.ok(watch.reload());
    assert.equal(watch.senders.limitsOf(trino).quota, undefined);
    write(LIMITED);
    assert.ok(watch.reload());
    assert.equal(watch.senders.limitsOf(trino).quota?.take(), false);
  });

  const whole = `${LIMITED}...\n`;
  test('is not used, cut at any place, where the version before ended with the mark of YAML', (t) => {
    const { watch, write, log } = watched(t, whole);
    for (let length = 0; length < whole.length - '...\n'.length; length++) {
      write(whole.slice(0, length));
      assert.equal(watch.reload(), false, whole.slice(0, length));
      assert.ok(!watch.senders.limitsOf(trino).mayWriteTo('dev'));
    }
    assert.match(log.join(''), /it does not end with the line \\"\.\.\.\\"/);
    for (const end of ['', '\n', '\n\n']) {
      write(`${LIMITED}...${end}`);
      assert.ok(watch.reload());
    }
  });

  test('may do without the mark where the version before did', (t) => {
    const { watch, write } = watched(t, LIMITED);
    write(LIMITED.replace('prod', 'dev'));
    assert.ok(watch.reload());
    assert.ok(watch.senders.limitsOf(trino).mayWriteTo('dev'));
  });
});
