/** `make docker-test` on a machine without a container engine. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';

const MAIN = join(import.meta.dirname, '..', 'docker', 'main.ts');

/** Runs it where these programs are the only ones: name → script. */
function ranWith(t: { after: (clean: () => void) => void }, programs: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), 'http2kafka-no-engine-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  return spawnSync(process.execPath, [MAIN], { env: { PATH: folder }, encoding: 'utf8' });
}

suite('docker-test without an engine', () => {
  test('says in one sentence that there is no docker, and ends with 77', (t) => {
    const { status, stdout, stderr } = ranWith(t, {});
    assert.deepEqual([status, stdout], [77, '']);
    assert.match(stderr, /^docker-test: There is no `docker` here .*apt-get install docker\.io\).\n$/);
  });

  test('says in one sentence that no engine answers and none can be started, and ends with 77', (t) => {
    const { status, stdout, stderr } = ranWith(t, { docker: 'exit 1' });
    assert.deepEqual([status, stdout], [77, '']);
    assert.match(
      stderr,
      /^docker-test: No container engine answers here, and none can be started: .*dockerd.*\.\n$/,
    );
  });

  test('does not overwrite images of an engine that it has not started', (t) => {
    // It answers, and has no image. Every command is noted.
    const script =
      'echo "$1" >> "${0%/*}/called"; [ "$1" = version ] && [ -z "$DOCKER_HOST" ] || { echo refused >&2; exit 1; }';
    const { status, stderr } = ranWith(t, { docker: script });
    assert.equal(status, 77);
    assert.match(stderr, /^docker-test: The engine here cannot get the image debian:\S+: refused\.\n$/);
  });
});
