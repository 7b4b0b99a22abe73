import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { batches, gzippedMix, keyed, mix, ofTeams, realEvents, sized } from '../../benchmark/loads/bodies.ts';
import { groups, warmUpShape } from '../../benchmark/loads/shapes.ts';
import { runEvent } from '../../benchmark/loads/lineage-event.ts';
import { contendersOf } from '../../benchmark/contenders/contenders.ts';
import { readRules } from '../../src/config/schema/routing-rule.ts';
import { checkEvent } from '../../src/openlineage/check.ts';
import { RuleSet } from '../../src/routing/rule-set.ts';

suite('what the benchmarks post', () => {
  for (const bytes of [450, 500, 2999, 3000, 3500, 5000, 50_000, 500_000, 1_200_000]) {
    test(`is a good event of exactly ${bytes} bytes`, () => {
      const { bodies, eventBytes } = sized(bytes);
      assert.equal(eventBytes, bytes);
      for (const body of bodies) {
        assert.equal(body.length, bytes);
        const { event, errors } = checkEvent(body, 'core');
        assert.ok(event, JSON.stringify(errors));
        assert.deepEqual(event.deviations, []);
      }
      assert.equal(new Set(bodies.map(String)).size, bodies.length);
    });
  }

  test('is mostly column lineage, however large', () => {
    const columns = /"inputFields"/g;
    const count = runEvent(1_200_000, { number: 3 }).toString().match(columns)?.length ?? 0;
    assert.ok(count > 2000, `${count} columns`);
  });

  test('is the same each time', () => {
    assert.deepEqual(sized(5000).bodies, sized(5000).bodies);
    assert.throws(() => runEvent(100, { number: 0 }), /100 bytes/);
  });

  test('has the number of keys that is asked for', () => {
    const keys = keyed(200).bodies.map((body) => {
      assert.ok(checkEvent(body, 'core').event);
      // Without a parent, the key is the run's own job.
      return /"job":\{"namespace":"spark","name":"([^"]+)"/.exec(body.toString())?.[1];
    });
    assert.equal(new Set(keys).size, 200);
  });

  test('has an event for each of the 200 routing rules', async () => {
    for (const name of ['rules', 'rules-50'] as const) {
      const place = { port: 1, bootstrapServers: '', topic: 'topic', partitions: 3 };
      const prepared = await contendersOf(undefined)[name].prepare(place);
      const { list, problems } = readRules(prepared?.environment?.['HTTP2KAFKA__ROUTING__RULES']);
      assert.deepEqual(problems, []);
      assert.equal(list.topics.length, name === 'rules' ? 1 : 50);
      const rules = new RuleSet(list);
      const fitting = ofTeams().bodies.map((body) => {
        const { event } = checkEvent(body, 'core');
        return event && rules.find(body, event, undefined)?.name;
      });
      assert.deepEqual(
        fitting,
        list.rules.map((rule) => rule.name),
      );
    }
  });

  test('covers all single events of examples/', () => {
    const { bodies } = mix();
    assert.equal(bodies.length, 16);
    for (const body of bodies) assert.ok(checkEvent(body, 'core').event);
    const unzipped = gzippedMix().bodies.map((body) => gunzipSync(body));
    assert.deepEqual(unzipped, bodies);
  });

  test('has a real event with the keys of 64 jobs, all of one size', () => {
    const { bodies, eventBytes } = realEvents();
    const keys = bodies.map((body) => checkEvent(body, 'core').event?.key.toString());
    assert.equal(new Set(keys).size, 64);
    assert.deepEqual(new Set(bodies.map(({ length }) => length)), new Set([eventBytes]));
    assert.ok(eventBytes > 5300 && eventBytes < 5500, `${eventBytes}`);
  });

  test('is an array of so many good events, all of them different', () => {
    const { bodies, eventsEach } = batches(10);
    assert.equal(eventsEach, 10);
    const events = bodies.flatMap((body) => {
      const elements: unknown = JSON.parse(body.toString());
      assert.ok(Array.isArray(elements));
      return elements.map((element) => JSON.stringify(element));
    });
    assert.equal(new Set(events).size, 80);
    for (const event of events) assert.ok(checkEvent(Buffer.from(event), 'core').event);
  });
});

suite('the cells of the benchmarks', () => {
  test('all begin with the yardstick, and no limit is below it', () => {
    for (const { contenders, atMost } of [...groups.flatMap(({ shapes }) => shapes), warmUpShape]) {
      assert.equal(contenders[0], 'bare');
      assert.ok(contenders.length > 1);
      assert.equal(new Set(contenders).size, contenders.length);
      for (const most of Object.values(atMost)) assert.ok(most > 1);
    }
  });

  test('have one place each in the tables', () => {
    const places = groups.flatMap(({ name, shapes }) =>
      shapes.map((shape) => `${name}, ${shape.name}, ${shape.connections}`),
    );
    assert.equal(new Set(places).size, places.length);
  });
});
