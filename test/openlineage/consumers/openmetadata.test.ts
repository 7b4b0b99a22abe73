import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { consumers } from '../../../src/openlineage/consumers/consumer.ts';
import { searchAtOnce } from '../../../src/openlineage/levels/level-check.ts';
import { datasetEvent, jobEvent, runEvent } from '../events.ts';

function reasonsFor(event: object): readonly string[] {
  const value: unknown = JSON.parse(JSON.stringify(event));
  return searchAtOnce(consumers.openmetadata.search(value)).objections.map(({ reason }) => reason);
}

const lists = { inputs: [], outputs: [] };

suite("the profile of OpenMetadata's connector", () => {
  test('takes START, RUNNING and COMPLETE of events with inputs and outputs, also null', () => {
    for (const eventType of ['START', 'RUNNING', 'COMPLETE']) {
      assert.deepEqual(reasonsFor(runEvent({ eventType, ...lists })), []);
      assert.deepEqual(reasonsFor(runEvent({ eventType, inputs: null, outputs: null })), []);
    }
  });

  test('drops other types, and events without a member that it reads', () => {
    for (const eventType of ['FAIL', 'ABORT', 'OTHER', null]) {
      assert.deepEqual(reasonsFor(runEvent({ eventType, ...lists })), ['event_type']);
    }
    assert.deepEqual(reasonsFor(runEvent({ ...lists, inputs: undefined })), ['inputs_missing']);
    assert.deepEqual(reasonsFor(runEvent({ ...lists, outputs: undefined })), ['outputs_missing']);
    assert.deepEqual(reasonsFor(runEvent({ ...lists, eventType: undefined })), ['event_type_missing']);
    assert.deepEqual(reasonsFor(jobEvent({ ...lists, eventType: 'START' })), ['run_missing']);
    assert.deepEqual(reasonsFor(datasetEvent())[0], 'inputs_missing');
  });
});
