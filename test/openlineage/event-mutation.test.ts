import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Compile } from 'typebox/compile';
import { Settings } from 'typebox/system';
import { eventSchemas, type EventKind, type SchemaLevel } from '../../src/openlineage/event-schema.ts';
import { findErrors } from '../../src/openlineage/validation-error.ts';
import { Random } from './random.ts';
import { examples } from './samples.ts';

// TypeBox lists 8 errors at most, and three for each value that may be null.
Settings.Set({ maxErrors: 1000 });

const ROUNDS = 3000;
const KINDS: readonly EventKind[] = ['run', 'job', 'dataset'];
const LEVELS: readonly SchemaLevel[] = ['core', 'routing'];

/** Values to put in the place of others, wrong and right. */
const strange: readonly unknown[] = [
  ...[null, true, 0, -1.5, '', 'x', '\ud800', [], {}, [1], { a: 1 }, { namespace: 'a', name: 'b' }],
  ...['START', '2026-11-22T10:15:30Z', 'a:b', '01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b3c'],
];

const pieces = examples.filter(({ bytes }) => bytes.length < 10_000).map(({ bytes }) => bytes.toString());

/** The value and every object and array inside it. */
function containersOf(value: unknown): object[] {
  if (typeof value !== 'object' || value === null) return [];
  return [value, ...Object.values(value).flatMap(containersOf)];
}

/** Removes a member, replaces its value by a strange one, or adds a member. */
function disturb(event: unknown, random: Random): void {
  const [whole] = containersOf(event);
  // Mostly near the top, because the schema has names there.
  const containers = containersOf(event).filter((_, index) => index < 4 || random.below(4) === 0);
  const container = random.of(containers.length > 0 ? containers : [whole ?? {}]);
  const names = [...Object.keys(container), ...['facets', 'inputs', 'name', 'eventType', 'f/~1']];
  const name = random.of(names);
  if (random.below(3) === 0 && !Array.isArray(container)) Reflect.deleteProperty(container, name);
  else Reflect.set(container, name, structuredClone(random.of(strange)));
}

suite('events of random mutations', () => {
  const random = new Random();

  test('have validation errors exactly when TypeBox refuses them', (context) => {
    context.diagnostic(`TEST_SEED=${random.seed} repeats it`);
    const validators = LEVELS.flatMap((level) =>
      KINDS.map((kind) => {
        const schema = eventSchemas[level][kind];
        return { what: `${level} ${kind}`, schema, validator: Compile(schema) };
      }),
    );
    const seen = { fit: 0, unfit: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const event: unknown = JSON.parse(random.of(pieces));
      for (let changes = random.below(3); changes > 0; changes--) disturb(event, random);
      // The value that a body of JSON has.
      const value: unknown = JSON.parse(JSON.stringify(event));
      for (const { what, schema, validator } of validators) {
        const errors = findErrors(schema, value);
        const fits = validator.Check(value);
        seen[fits ? 'fit' : 'unfit'] += 1;
        const where = () => `seed ${random.seed}, round ${round}, ${what}: ${JSON.stringify(value)}`;
        if (fits !== (errors.length === 0)) assert.fail(where());
        if (fits) continue;
        const places = new Set(
          validator
            .Errors(value)
            .map(({ keyword, params, instancePath }) => {
              const more =
                keyword === 'required' && 'requiredProperties' in params ? params.requiredProperties : [''];
              return more.map((field) => `${instancePath}${field === '' ? '' : `/${field}`}`);
            })
            .flat(),
        );
        for (const { location } of errors) {
          const pointer = location
            .slice(1)
            .map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`);
          if (!places.has(pointer.join(''))) assert.fail(`${pointer.join('')} in ${where()}`);
        }
      }
    }
    for (const count of Object.values(seen)) assert.ok(count > ROUNDS / 2, JSON.stringify(seen));
  });
});
