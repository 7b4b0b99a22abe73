import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ran, ranProgram } from '../config/child.ts';

/** The long options in the help of a command. */
async function optionsOf(...command: readonly string[]): Promise<readonly string[]> {
  const { status, stdout } = await ranProgram([...command, '--help']);
  assert.equal(status, 0);
  return [...stdout.matchAll(/^ +(?:-\w, )?(--[\w-]+)/gm)].map(([, name = '']) => name).sort();
}

void suite('the commands', { timeout: 60_000 }, () => {
  test('have the flags of the settings that they use, and no other', async () => {
    const shared = ['--config', '--env-file', '--help'];
    assert.deepEqual(
      await optionsOf('validate'),
      ['--check-level', '--level', '--check-consumers', '--consumers', ...shared, '--json'].sort(),
    );
    assert.deepEqual(await optionsOf('spool', 'show'), [...shared, '--json', '--spool-path']);
    assert.deepEqual(await optionsOf('spool', 'export'), [...shared, '--spool-path', '--topic']);
    const selecting = ['--all', '--json', '--reason', '--spool-path', '--topic', '--yes'];
    assert.deepEqual(await optionsOf('spool', 'drop'), [...shared, ...selecting].sort());
    assert.deepEqual(await optionsOf('token', 'inspect'), [...shared, '--json']);
    assert.deepEqual(await optionsOf('token', 'key'), ['--help', '--json']);
    for (const command of ['serve', 'check-config']) {
      const options = await optionsOf(command);
      for (const flag of ['--port', '--bootstrap-servers', '--topic', '--ssl-certfile', '--spool-path'])
        assert.ok(options.includes(flag), `${command} ${flag}`);
    }
  });

  test('are listed in the help of the program', async () => {
    const { stdout } = await ranProgram(['--help']);
    for (const name of ['serve', 'check-config', 'validate', 'spool', 'token', 'health'])
      assert.match(stdout, new RegExp(`^ {2}${name} `, 'm'));
  });

  const misused: readonly (readonly [args: readonly string[], message: string])[] = [
    [
      ['validate', '--port', '1', 'x.json'],
      "error: unknown option '--port'\n(It is an option of http2kafka serve, http2kafka check-config, http2kafka health)\n",
    ],
    [['--register'], "error: unknown option '--register'\n(It is an option of http2kafka token issue)\n"],
    [['spool', 'exprt'], "error: unknown command 'exprt'. Did you mean export?\n"],
    [['token', 'isue'], "error: unknown command 'isue'\n(Did you mean issue?)\n"],
    [
      ['--config', 'app.yaml', 'validate', 'x.json'],
      "error: the command 'validate' stands after other arguments. Name it before its options: http2kafka validate …\n",
    ],
  ];
  for (const [args, message] of misused) {
    test(`refuse ${args.join(' ')}, with a hint`, async () => {
      assert.deepEqual(await ranProgram(args), { status: 2, stdout: '', stderr: message });
    });
  }

  test('take the brokers and the topic as flags', async () => {
    const flags = ['--bootstrap-servers', '127.0.0.1:1,127.0.0.1:2', '--topic', 'lineage'];
    const { status, stdout, stderr } = await ranProgram(['check-config', ...flags]);
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(
      stdout,
      /^kafka\.bootstrap_servers: \["127\.0\.0\.1:1","127\.0\.0\.1:2"\] {2}# --bootstrap-servers$/m,
    );
    assert.match(stdout, /^producer\.main_topic: "lineage" {2}# --topic$/m);
  });

  for (const command of [
    '--help',
    'check-config',
    'validate examples/python/01-start.json',
    'token --help',
  ]) {
    test(`end without an error when their reader has ended: ${command}`, async () => {
      // The reader ends before the program writes.
      const script = `set -o pipefail; { sleep 0.2; '${process.execPath}' -- src/main.ts ${command}; } | true`;
      assert.deepEqual(await ran('bash', ['-c', script]), { status: 0, stdout: '', stderr: '' });
    });
  }
});
