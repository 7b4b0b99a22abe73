/** What a library says through Node's own warnings. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { startProxy } from '../tools/proxy.ts';
import { logged } from './stage/log-lines.ts';
import { NOWHERE } from './stage/stage.ts';

const WARNS = 'process.on("SIGWINCH", () => process.emitWarning("no such service", "LookupWarning"));';

suite('a warning of a library', { timeout: 60_000 }, () => {
  test('is a line of the log, and no text between its lines', async () => {
    const proxy = await startProxy({
      settings: { LOGGING__PRESET: 'json', ...NOWHERE },
      nodeFlags: ['--import', `data:text/javascript,${encodeURIComponent(WARNS)}`],
    });
    proxy.signal('SIGWINCH');
    await logged(proxy, 'no such service');
    await proxy.stop();
    const lines = proxy.log.trimEnd().split('\n');
    const told = lines.filter((line) => hasDetail(JSON.parse(line)));
    assert.equal(told.length, 1, proxy.log);
  });
});

function hasDetail(line: unknown): boolean {
  const detail: unknown = typeof line === 'object' && line !== null && Reflect.get(line, 'detail');
  return detail === 'LookupWarning: no such service';
}
