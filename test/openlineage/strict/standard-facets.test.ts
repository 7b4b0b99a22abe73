import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Member, Shape } from '../../../src/openlineage/strict/shapes.ts';
import { allStandardFacets, standardFacet } from '../../../src/openlineage/strict/standard-facets.ts';
import { errorsOf, runEvent, runWith } from '../events.ts';

/** A value that fits the shape, with every member. A part inside of itself ends at `depth`. */
function good(shape: Shape, depth = 0): unknown {
  switch (shape.kind) {
    case 'any':
    case 'string':
      return 'text';
    case 'number':
      return 1.5;
    case 'integer':
      return Math.max(shape.minimum, 1);
    case 'boolean':
      return true;
    case 'object':
    case 'facets':
      return {};
    case 'format':
      return {
        uri: 'https://example.org/a?b#c',
        uuid: '01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b3c',
        'date-time': '2026-11-22T10:15:30.123+02:00',
      }[shape.format];
    case 'texts':
      return shape.texts[0];
    case 'list':
      return depth > 6 ? [] : [good(shape.of, depth + 1)];
    case 'part':
      return good(shape.shape(), depth + 1);
    case 'choice':
      return good(shape.of[0] ?? { kind: 'any' }, depth + 1);
    case 'members': {
      const members = [...shape.members].map(([name, { shape: inner }]) => [name, good(inner, depth + 1)]);
      const isOpen = shape.others !== undefined && shape.others !== 'none';
      const others = isOpen ? [['other', good(shape.others, depth + 1)]] : [];
      return Object.fromEntries([...members, ...others]) as unknown;
    }
  }
}

type Place = readonly (string | number)[];
interface Break {
  readonly value: unknown;
  readonly place: Place;
  readonly code: string | undefined;
}

/** A value of a type that the shape does not take. */
function wrong(shape: Shape): unknown {
  return shape.kind === 'string' || shape.kind === 'format' || shape.kind === 'texts' ? 7 : 'text';
}

/** Every way to break a good value in one place. */
function* breaks(shape: Shape, value: unknown, place: Place = [], depth = 0): Generator<Break> {
  if (depth > 6 || shape.kind === 'any') return;
  if (shape.kind === 'part') {
    yield* breaks(shape.shape(), value, place, depth + 1);
    return;
  }
  yield { value: wrong(shape), place, code: undefined };
  if (shape.kind === 'format') yield { value: 'no such text', place, code: undefined };
  if (shape.kind === 'texts') yield { value: 'ELSE', place, code: 'enum' };
  if (shape.kind === 'integer') yield { value: 1.5, place, code: 'int_type' };
  if (shape.kind === 'integer' && shape.minimum > 0) yield { value: 0, place, code: 'greater_than_equal' };
  if (shape.kind === 'choice') yield* breaks(shape.of[0] ?? { kind: 'any' }, value, place, depth + 1);
  if (shape.kind === 'list' && Array.isArray(value)) {
    for (const one of breaks(shape.of, value[0], [...place, 0], depth + 1))
      yield { ...one, value: [one.value] };
  }
  if (shape.kind !== 'members' || typeof value !== 'object' || value === null) return;
  const members: readonly (readonly [string, Member])[] = [...shape.members];
  const isOpen = shape.others !== undefined && shape.others !== 'none';
  const others = isOpen ? [['other', { shape: shape.others, required: false }] as const] : [];
  for (const [name, { shape: inner, required }] of [...members, ...others]) {
    const without = Object.fromEntries(Object.entries(value).filter(([key]) => key !== name));
    if (required) yield { value: without, place: [...place, name], code: 'missing' };
    for (const one of breaks(inner, Reflect.get(value, name), [...place, name], depth + 1)) {
      yield { ...one, value: { ...value, [name]: one.value } };
    }
  }
  for (const [name, needed] of shape.together) {
    const [other = ''] = needed;
    if (shape.members.get(other)?.required === true) continue;
    const without = Object.fromEntries(Object.entries(value).filter(([key]) => key !== other));
    yield { value: { ...without, [name]: 'text' }, place: [...place, other], code: 'missing' };
  }
  if (shape.others === 'none')
    yield { value: { ...value, more: 1 }, place: [...place, 'more'], code: 'extra_forbidden' };
}

const base = { _producer: 'https://example.org/producer' };

/** The errors of an event with the facet. */
function errorsWith(url: string, facet: unknown) {
  const whole =
    typeof facet === 'object' && !Array.isArray(facet) ? { ...base, ...facet, _schemaURL: url } : facet;
  return errorsOf(JSON.stringify(runEvent({ run: runWith({ standard: whole }) })), 'strict');
}

suite('the standard facets at level strict', () => {
  test('are those of OpenLineage', () => {
    const all = allStandardFacets();
    assert.ok(all.length >= 97, `${all.length}`);
    assert.equal(new Set(all.map(({ url }) => url)).size, all.length);
  });

  for (const { url, shape } of allStandardFacets()) {
    test(`${url.replace('https://openlineage.io/spec/facets/', '')}: a good one passes, and one that is broken fails there`, () => {
      assert.ok(standardFacet(url));
      const facet = good(shape);
      assert.deepEqual(errorsWith(url, facet), []);
      let count = 0;
      for (const { value, place, code } of breaks(shape, facet)) {
        if (place.length === 0 || place[0] === '_schemaURL') continue;
        count += 1;
        const errors = errorsWith(url, value);
        const wanted = ['body', 'run', 'facets', 'standard', ...place].join('.');
        // The member that tells one kind of several from the others decides for the whole of it.
        const whole = wanted.replace(/\.[^.]+$/, '');
        const found = errors.some(({ location, code: is }) =>
          location.join('.') === wanted
            ? code === undefined || is === code
            : is === 'union_error' && location.join('.') === whole,
        );
        assert.ok(
          found,
          `${wanted} ${code ?? ''}: ${JSON.stringify(errors.map(({ location, code: is }) => [location.join('.'), is]))}`,
        );
      }
      // Some facets demand nothing but the base facet.
      assert.ok(count > 0 || shape.kind !== 'members' || shape.members.size <= 1);
    });
  }
});
