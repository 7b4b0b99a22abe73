/** With `--json` a script reads standard output only: a command that fails says there why. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { ranProgram } from '../config/child.ts';

const NO_SPOOL = { HTTP2KAFKA__SPOOL__PATH: '/nowhere/spool' };
const WRONG_SETTING = { HTTP2KAFKA__SPOOL__PATH: '' };

type Case = readonly [args: readonly string[], env: Readonly<Record<string, string>>, status: number];

const CASES: readonly Case[] = [
  [['spool'], NO_SPOOL, 1],
  [['spool'], WRONG_SETTING, 1],
  [['spool', 'drain'], {}, 1],
  [['spool', 'drain', '--timeout', '0'], {}, 2],
  [['spool', 'retry'], {}, 2],
  [['spool', 'drop', '--all'], NO_SPOOL, 1],
  [['dead-letters', 'list'], {}, 1],
  [['dead-letters', 'replay', '--since', 'once'], {}, 2],
  [['send', 'absent', '--url', 'ftp://x'], {}, 2],
  [['send', 'absent', '--url', 'http://127.0.0.1:1'], {}, 1],
  [['health', '--port', '1'], {}, 1],
  [['health', '--timeout', '0'], {}, 2],
  [['check-config', '--create'], {}, 2],
  [['validate', 'absent'], { HTTP2KAFKA__CHECK__LEVEL: 'lax' }, 1],
  [['route', 'absent', '--routing-file', '/nowhere/rules.yaml'], {}, 1],
  [['route', 'absent'], WRONG_SETTING, 1],
  [['token', 'issue', '--user-id', 'x', '--user', 'alice', '--name', 'etl'], {}, 1],
  [['token', 'issue', '--user-id', '5', '--user', 'alice', '--name', 'etl'], {}, 1],
  [['token', 'inspect', 'nothing'], {}, 1],
  [['token', 'inspect', 'h2k_one'], { HTTP2KAFKA__AUTH__SENDERS_FILE: '/nowhere/senders.yaml' }, 1],
  [['token', 'key', ''], {}, 2],
];

suite('a command with --json that fails', { timeout: 180_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-json-'));
  after(() => rmSync(folder, { recursive: true }));
  const refused = join(folder, 'refused');

  for (const [args, env, expected] of CASES) {
    test(`says so in JSON: ${args.join(' ')}`, async () => {
      const more = args[0] === 'send' ? ['--refused', refused] : [];
      const { status, stdout, stderr } = await ranProgram([...args, '--json', ...more], env);
      assert.equal(status, expected, stderr);
      assert.deepEqual(JSON.parse(stdout), { error: stderr.trimEnd() });
    });
  }
});
