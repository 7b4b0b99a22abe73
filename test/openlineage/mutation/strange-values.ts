import { eventTypes, names, notUris, runIds, times, uris, type FieldValues } from './field-values.ts';

const all = ({ sent, odd, wrong }: FieldValues) =>
  [...sent, ...sent, ...odd, ...wrong].map((text) => `"${text}"`);

/** Null as often as each other kind of text: it stands for a member that is absent. */
const anyUri = [...all(uris), ...all(notUris), 'null'];

/** JSON of every kind, and some texts that are not JSON. */
const values = [
  ...['null', 'true', 'false', '0', '-0', '1e400', '-1.5E-7', '01', '1.', '""', '"a:b"', '"\\ud800"'],
  ...['"\\q"', 'nul'],
  ...['[]', '{}', '[[]]', '[1,2]', '[1,]', '{"a":1,}', '{"a":1 "b":2}', '{"a":1,"a":2}'],
  ...['{"__proto__":null}', ''],
];

const facets = [
  ...['{}', '{"_producer":"a:b"}', '{"_schemaURL":"a:b"}', '{"_producer":"a:b","_schemaURL":"a:b"}', 'null'],
  '[]',
  ...['{"_producer":null,"_schemaURL":"a:b"}', '{"_producer":"a","_producer":1,"_schemaURL":"b"}', '"facet"'],
  '7',
  '{"_producer":1,"_schemaURL":"b","_producer":"a"}',
  '{"_producer":"","_schemaURL":"","x":[{"_producer":0}]}',
  '{"\\u005fproducer":"a:b","_schemaURL":"a:b"}',
];
const maps = [
  ...['{}', 'null', '[]', '{"":{}}', '{"__proto__":{}}', '{"__proto__":1}', '{"a":{},"a":1}'],
  '{"a":1,"a":{}}',
  ...['{"a":null,"b":null,"a":{}}', '{"b":{},"a":null,"b":null}', '{"parent":null}', '{"":null,"":null}'],
  ...facets.map((facet) => `{"a":${facet}}`),
  ...facets.map((facet) => `{"a":{},"a":${facet}}`),
  ...facets.map(
    (facet) => `{"a":${facet},"b":{"_producer":"a:b","_schemaURL":"a:b"},"a":{"_producer":"a:b"}}`,
  ),
];
const things = [
  ...['{"namespace":"a","name":"b"}', '{"name":"","namespace":""}', '{"namespace":"a"}', '{"name":"b"}'],
  ...['{}', 'null'],
  ...['{"namespace":"a","name":"b","name":"c"}', '{"namespace":"\\u0430","name":"ж"}'],
  '{"namespace":1,"name":"b"}',
  ...['{"namespace":"a","name":null}', '{"namespace":"a","name":"\\ud800"}'],
  ...['[{"namespace":"a","name":"b"}]', '"job"'],
  ...['{"namespace":"a","nam\\u0065":"b"}', '{"namespace":"a","name":"b","facets":{"x":{}}}', '7', '[]'],
  '{"namespace":"a","name":"b","inputFacets":{"x":{}}}',
  '{"namespace":"a","name":"b","outputFacets":[]}',
];
const roots = [
  ...things,
  ...things.map((thing) => `{"job":${thing}}`),
  '{"job":{},"job":{"namespace":"a","name":"b"}}',
];
const parents = [
  ...things.map((thing) => `{"job":${thing}}`),
  ...roots.map((root) => `{"job":{"namespace":"p","name":"q"},"root":${root}}`),
  ...roots.map((root) => `{"root":${root},"run":{"runId":"1"}}`),
];
const runs = [
  ...runIds.sent.map((id) => `{"runId":"${id}"}`),
  ...maps.map((map) => `{"runId":"${runIds.sent[0]}","facets":${map}}`),
  ...parents.map((parent) => `{"facets":{"parent":${parent}},"runId":"${runIds.sent[0]}"}`),
  ...['{}', 'null', '[]', '{"runId":null}', '{"runId":"1"}', '""'],
];
const sides = ['[]', '{}', 'null', '[null]', '[[]]', '[,]', ...things.map((thing) => `[${thing}]`)];
const someThings = [...things, ...things.map((thing) => `[${things[0]},${thing}]`)];

/** Values for the known fields: JSON texts, right and wrong. */
const valuesByField: ReadonlyMap<string, readonly string[]> = new Map([
  ...[['eventTime', all(times)] as const, ['runId', all(runIds)] as const],
  ['eventType', [...all(eventTypes), 'null']] as const,
  ...[['producer', anyUri] as const, ['schemaURL', anyUri] as const],
  ...[['_producer', anyUri] as const, ['_schemaURL', anyUri] as const],
  ...[['namespace', all(names)] as const, ['name', all(names)] as const],
  ...[['run', runs] as const, ['job', things] as const, ['dataset', things] as const],
  ...[['inputs', [...sides, ...someThings]] as const, ['outputs', [...sides, ...someThings]] as const],
  ...[['facets', maps] as const, ['inputFacets', maps] as const, ['outputFacets', maps] as const],
  ...[['parent', parents] as const, ['root', roots] as const],
  ...['', '__proto__', 'constructor', 'length', 'a', 'Ж'].map(
    (key) => [key, [...values, ...facets]] as const,
  ),
]);

export const knownFields: readonly string[] = [...valuesByField.keys()];

export function isKnownField(name: string): boolean {
  return valuesByField.has(name);
}

/** JSON texts for a field of this name, at any place. */
export function valuesFor(name: string): readonly string[] {
  return valuesByField.get(name) ?? values;
}

/** JSON texts for any place. */
export const anyValues: readonly string[] = [...values, ...[...valuesByField.values()].flat()];
