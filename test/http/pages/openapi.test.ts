import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Compile } from 'typebox/compile';
import { openapiDocument } from '../../../src/http/pages/openapi.ts';
import { member } from '../../../src/openlineage/json.ts';
import { datasetEvent, jobEvent, runEvent, runWith } from '../../openlineage/events.ts';

const schemas = member(member(openapiDocument(''), 'components'), 'schemas');

/** The types of JSON Schema 2020-12, which OpenAPI 3.1 uses. */
const TYPES = ['array', 'boolean', 'integer', 'null', 'number', 'object', 'string'];

function typesIn(schema: unknown): unknown[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const type = member(schema, 'type');
  const inner = Object.entries(schema).filter(([key]) => key !== 'examples');
  return [type, ...inner.flatMap(([, value]) => typesIn(value))].filter((one) => one !== undefined);
}

suite('the schemas of events in the OpenAPI document', () => {
  for (const name of ['RunEvent', 'JobEvent', 'DatasetEvent']) {
    test(`have only types of JSON Schema: ${name}`, () => {
      const types = typesIn(member(schemas, name));
      assert.ok(types.includes('null'));
      assert.deepEqual(
        types.filter((type) => !TYPES.includes(String(type))),
        [],
      );
    });
  }

  test('say that a member that may be absent may be null, and that others may not', () => {
    const fits = (name: string, event: object) => {
      const schema = member(schemas, name);
      assert.ok(typeof schema === 'object' && schema !== null);
      return Compile({ ...schema }).Check(event);
    };
    const nulls = { eventType: null, schemaURL: null, inputs: null, outputs: null, producer: 'no URI' };
    assert.ok(fits('RunEvent', runEvent({ ...nulls, run: runWith({ parent: null }) })));
    assert.ok(fits('RunEvent', runEvent({ inputs: [{ namespace: 'a', name: 'b', inputFacets: null }] })));
    assert.ok(fits('JobEvent', jobEvent({ job: { namespace: 'a', name: 'b', facets: null } })));
    assert.ok(
      fits('DatasetEvent', datasetEvent({ dataset: { namespace: 'a', name: 'b', facets: { x: null } } })),
    );
    assert.ok(!fits('RunEvent', runEvent({ run: null })));
    assert.ok(!fits('RunEvent', runEvent({ inputs: [null] })));
    assert.ok(!fits('JobEvent', jobEvent({ producer: null })));
  });
});
