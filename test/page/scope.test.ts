import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Sender, Way } from '../../src/auth/sender.ts';
import { refusal } from '../../src/errors.ts';
import { checkEvent } from '../../src/openlineage/check.ts';
import { MAX_SOURCES } from '../../src/page/quality-table.ts';
import { SenderScope } from '../../src/page/scope.ts';
import { Watch } from '../../src/page/watch.ts';
import type { Arrival } from '../../src/pipeline/arrival.ts';
import { runEvent } from '../openlineage/events.ts';
import { SimulatedTime } from '../support/simulated-time.ts';

const NO_LIMITS = { limited: false, mayWriteTo: () => true };
const WAREHOUSE = { limited: true, mayWriteTo: (namespace: string) => namespace === 'warehouse' };

class Scene {
  readonly watch = new Watch(new SimulatedTime());

  arrival(name?: string, way: Way = 'api-key'): Arrival {
    const limits = { ...NO_LIMITS, quota: undefined };
    return {
      requestId: `${way} ${name ?? ''}`,
      traceparent: undefined,
      known: name === undefined ? undefined : { sender: { way, name }, limits },
      origin: () => ({ method: 'POST', address: '192.0.2.7' }),
    };
  }

  keep(arrival: Arrival, namespace: string): void {
    const bytes = Buffer.from(JSON.stringify(runEvent({ job: { namespace, name: 'job' } })));
    const { event } = checkEvent(bytes, 'core');
    assert.ok(event);
    this.watch.kept(arrival, event, bytes, { kind: 'spooled' }, 'topic');
  }

  refuse(arrival: Arrival, namespace: string): void {
    this.watch.refused(arrival, 'run', refusal('forbidden'), () => ({ namespace }), undefined);
    this.watch.deadLettered(arrival, 'run', 1, { namespace }, () => 'wrong');
  }

  rowsOf(sender: Sender, limits: ConstructorParameters<typeof SenderScope>[1]): readonly string[] {
    const scope = new SenderScope(sender, limits);
    return this.watch
      .rowsAfter(0)
      .filter((row) => scope.showsRow(row))
      .map(({ outcome, request_id, namespace }) => `${outcome} of ${request_id} in ${namespace ?? ''}`);
  }
}

suite('what a sender sees', () => {
  test('is what the limits of the senders file say of valid events, and its own of all others', () => {
    const scene = new Scene();
    const arrivals = [
      scene.arrival('trino'),
      scene.arrival('trino', 'oidc'),
      scene.arrival('dbt'),
      scene.arrival(),
    ];
    for (const arrival of arrivals) {
      for (const namespace of ['warehouse', 'shop']) {
        scene.keep(arrival, namespace);
        scene.refuse(arrival, namespace);
      }
    }
    const own = ['warehouse', 'shop'].flatMap((namespace) =>
      ['forbidden', 'dead-letter'].map((outcome) => `${outcome} of api-key trino in ${namespace}`),
    );
    const trino: Sender = { way: 'api-key', name: 'trino' };
    assert.deepEqual(
      scene.rowsOf(trino, WAREHOUSE).toSorted(),
      [...own, ...arrivals.map(({ requestId }) => `spool of ${requestId} in warehouse`)].sort(),
    );
    assert.deepEqual(
      scene.rowsOf(trino, NO_LIMITS).toSorted(),
      [...own, 'spool of api-key trino in shop', 'spool of api-key trino in warehouse'].sort(),
    );
    for (const [limits, runs] of [
      [WAREHOUSE, 1],
      [NO_LIMITS, 1],
    ] as const) {
      const part = new SenderScope(trino, limits).partOf(scene.watch);
      assert.deepEqual(
        [...part.refusals.groups, ...part.quality.all].map(({ sender, way }) => [sender, way]),
        [
          ['trino', 'api-key'],
          ['trino', 'api-key'],
        ],
      );
      assert.equal(part.runs.open.length, runs);
    }
  });

  test('is nothing of what has no sender, whatever its name', () => {
    const scene = new Scene();
    for (let i = 0; i <= MAX_SOURCES; i++) scene.keep(scene.arrival(`sender ${i}`), 'shop');
    scene.refuse(scene.arrival(), 'warehouse');
    for (const name of ['others', '', 'undefined', '192.0.2.7']) {
      const sender: Sender = { way: 'api-key', name };
      assert.deepEqual(scene.rowsOf(sender, NO_LIMITS), []);
      const { refusals, runs, quality } = new SenderScope(sender, NO_LIMITS).partOf(scene.watch);
      assert.deepEqual([refusals.groups, quality.all, runs.open], [[], [], []]);
    }
  });

  test('is told apart by the whole of a long name, and counts nothing of others', () => {
    const scene = new Scene();
    const [first, second] = ['a', 'b'].map((end) => 'x'.repeat(255) + end);
    for (const name of [first, second]) {
      scene.keep(scene.arrival(name), 'shop');
      scene.refuse(scene.arrival(name), 'shop');
    }
    const sender: Sender = { way: 'api-key', name: first ?? '' };
    assert.equal(scene.rowsOf(sender, NO_LIMITS).length, 3);
    const { refusals, quality } = new SenderScope(sender, NO_LIMITS).partOf(scene.watch);
    assert.deepEqual([refusals.groups.map(({ count }) => count), quality.all.length], [[1], 1]);
    for (let i = 0; i < 1000; i++) scene.refuse(scene.arrival(`sender ${i}`), 'shop');
    assert.ok(scene.watch.refusals.forgotten > 0);
    assert.equal(new SenderScope(sender, NO_LIMITS).partOf(scene.watch).refusals.forgotten, 0);
  });
});
