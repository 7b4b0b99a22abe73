import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { checkEvent, checkInTurns, checkText } from '../../../src/openlineage/check.ts';
import { parseEvent, parseInSlices } from '../../../src/openlineage/levels/event-value.ts';
import { checkLevels, levelsBeyond, type CheckLevel } from '../../../src/openlineage/levels/level.ts';
import { Turns } from '../../../src/support/turns.ts';
import { fullEvent, mutated } from '../../../tools/compat/profiles/events.ts';
import { assertLevelsAgree } from './level-agreement.ts';
import { eventMutant } from '../mutation/event-mutants.ts';
import { Random } from '../random.ts';
import { datasetEvent, errorsOf, jobEvent, runEvent } from '../events.ts';

const lists = { inputs: [], outputs: [] };

suite('the levels of the check', () => {
  test('a level of a consumer refuses what the consumer drops, with its errors', () => {
    assert.deepEqual(errorsOf(JSON.stringify(runEvent()), 'data-rentgen'), []);
    const [error] = errorsOf(JSON.stringify(runEvent({ eventType: undefined })), 'data-rentgen');
    assert.deepEqual(
      { ...error, input: undefined },
      {
        location: ['body', 'eventType'],
        message: 'Field required',
        code: 'missing',
        context: {},
        input: undefined,
      },
    );
    for (const event of [jobEvent(), datasetEvent()]) {
      assert.equal(errorsOf(JSON.stringify(event), 'data-rentgen')[0]?.code, 'event_kind');
    }
    assert.equal(errorsOf(JSON.stringify(runEvent()), 'openmetadata').length, 2);
    assert.deepEqual(errorsOf(JSON.stringify(runEvent(lists)), 'openmetadata'), []);
  });

  test('each level but routing refuses what core refuses', () => {
    const event = JSON.stringify(runEvent({ ...lists, producer: undefined }));
    for (const level of checkLevels) {
      assert.equal(errorsOf(event, level).length, level === 'routing' ? 0 : 1, level);
    }
  });

  test('a level names the levels that may refuse more', () => {
    assert.deepEqual(levelsBeyond('routing'), checkLevels.slice(1));
    assert.deepEqual(levelsBeyond('core'), checkLevels.slice(2));
    assert.ok(!levelsBeyond('data-rentgen').includes('core'));
  });

  test('an event of a batch that the scan knows is held to the level', async () => {
    const bad = JSON.stringify(runEvent({ eventType: undefined }));
    const body = Buffer.from(`[${bad}]`);
    const known = checkText(body).eventAt?.(0);
    assert.ok(known);
    const verdict = await checkInTurns(
      Buffer.from(bad),
      'data-rentgen',
      new Turns({ setImmediate }),
      {},
      known,
    );
    assert.equal(verdict.errors?.[0]?.code, 'missing');
  });

  test('a large event is refused in slices as it is at once', async () => {
    const fields = Array.from({ length: 20_000 }, (_, index) => ({ name: `column ${index}`, type: index }));
    const dataset = { namespace: 'a', name: 'b', facets: { schema: { fields } } };
    const bytes = Buffer.from(JSON.stringify(runEvent({ inputs: [dataset], outputs: [] })));
    const turns = new Turns({ setImmediate });
    for (const level of ['data-rentgen', 'openmetadata'] satisfies CheckLevel[]) {
      const atOnce = checkEvent(bytes, level);
      assert.deepEqual(await checkInTurns(bytes, level, turns, {}), atOnce, level);
      assert.equal(atOnce.errors?.length, level === 'data-rentgen' ? 100 : undefined);
    }
  });

  test('a client that goes does not end the search: the event may be valid', async () => {
    const fields = Array.from({ length: 20_000 }, (_, index) => ({ name: `column ${index}` }));
    const dataset = { namespace: 'a', name: 'b', facets: { schema: { fields } } };
    const bytes = Buffer.from(JSON.stringify(runEvent({ inputs: [dataset] })));
    const client = { isGone: () => true };
    const verdict = await checkInTurns(bytes, 'data-rentgen', new Turns({ setImmediate }), client);
    assert.ok(verdict.event);
  });
});

suite('the levels, for random mutations', () => {
  test('agree with each other, and in slices of any size', (context) => {
    const random = new Random();
    context.diagnostic(`TEST_SEED=${random.seed} repeats it`);
    for (let round = 0; round < 300; round++) {
      const mutant = mutated(JSON.parse(JSON.stringify(fullEvent)), random);
      assertLevelsAgree(Buffer.from(JSON.stringify(mutant)), random);
      assertLevelsAgree(eventMutant(random), random);
    }
  });
});

suite('the value of an event', () => {
  const inSlices = (bytes: Buffer, size: number) => {
    const reading = parseInSlices(bytes, size);
    for (;;) {
      const { done, value } = reading.next();
      if (done === true) return value;
    }
  };

  test('has an integer beyond 64 bits as it is written', () => {
    const text = Buffer.from('{"a":[9223372036854775807,1e19,10000000000000000000,-1e400,12,1.5]}');
    const wanted = { a: [9223372036854775807n, 1e19, 10000000000000000000n, -Infinity, 12, 1.5] };
    assert.deepEqual(parseEvent(text), wanted);
    assert.deepEqual(inSlices(text, 3), wanted);
  });

  test('is the same in slices, for random mutations', (context) => {
    const random = new Random();
    context.diagnostic(`TEST_SEED=${random.seed} repeats it`);
    let parsed = 0;
    for (let round = 0; round < 2000; round++) {
      const bytes = eventMutant(random);
      if (checkText(bytes).errors) continue;
      parsed += 1;
      assert.deepEqual(inSlices(bytes, 1 + random.below(500)), parseEvent(bytes));
    }
    assert.ok(parsed > 100);
  });

  test('has the last of two members of one name', () => {
    const many = Array.from({ length: 2500 }, (_, index) => `"k${index % 1500}":${index}`).join();
    const bytes = Buffer.from(`{"__proto__":1,${many}}`);
    assert.deepEqual(inSlices(bytes, 100), JSON.parse(bytes.toString()));
  });
});
