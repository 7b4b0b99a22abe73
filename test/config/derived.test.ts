import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Machine } from '../../src/config/schema/declaration.ts';
import { loaded } from './loading.ts';

const MIB = 1024 ** 2;

function limitsIn(machine: Machine) {
  const { queue, server } = loaded({ machine }).settings;
  return [queue.maxBytes, server.maxBodyMemory, server.maxConnections];
}

suite('defaults that follow the container', () => {
  test('are the plain ones without a container', () => {
    assert.deepEqual(limitsIn({}), [256 * MIB, 256 * MIB, 10_000]);
    assert.deepEqual(loaded({ machine: {} }).notices, []);
  });

  test('are shares of its memory, and never more than the plain ones', () => {
    assert.deepEqual(limitsIn({ memory: 256 * MIB }), [32 * MIB, 16 * MIB, 2048]);
    assert.deepEqual(limitsIn({ memory: 512 * MIB }), [64 * MIB, 32 * MIB, 4096]);
    assert.deepEqual(limitsIn({ memory: 2048 * MIB }), [256 * MIB, 128 * MIB, 10_000]);
    assert.deepEqual(limitsIn({ memory: 64 * 1024 * MIB }), [256 * MIB, 256 * MIB, 10_000]);
  });

  test('give way to a setting, and the log names the others', () => {
    const given = { HTTP2KAFKA__QUEUE__MAX_BYTES: '100MiB' };
    const { settings, notices, derived } = loaded({ machine: { memory: 256 * MIB }, environment: given });
    assert.equal(settings.queue.maxBytes, 100 * MIB);
    assert.ok(!derived.has('queue.max_bytes'));
    assert.equal(notices.length, 1);
    assert.match(notices[0] ?? '', /server\.max_body_memory is 16777216 \(a sixteenth/);
    assert.doesNotMatch(notices[0] ?? '', /queue\.max_bytes/);
  });
});
