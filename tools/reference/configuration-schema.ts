import { isSetting, secretFileSuffix, snakeCase } from '../../src/config/catalog.ts';
import type { Members, Setting } from '../../src/config/schema/declaration.ts';
import { written } from '../../src/config/schema/kind.ts';
import { schema } from '../../src/config/schema/schema.ts';

/** The JSON Schema of a configuration file. Editors complete and check the file with it. */
export function configurationSchema(): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Configuration of http2kafka',
    ...objectOf(schema, { $schema: { type: 'string' } }),
  };
}

function objectOf(members: Members, more: object = {}): object {
  const properties = Object.entries(members).flatMap(([key, member]): [string, object][] => {
    const name = snakeCase(key);
    if (!isSetting(member)) return [[name, { description: member.description, ...objectOf(member.members) }]];
    if (!member.secret) return [[name, leafOf(member)]];
    const inFile = { description: `A file that contains ${name}.`, type: 'string' };
    return [
      [name, leafOf(member)],
      [name + secretFileSuffix, inFile],
    ];
  });
  return {
    type: 'object',
    properties: { ...more, ...Object.fromEntries(properties) },
    additionalProperties: false,
  };
}

function leafOf({ kind, description, default: value }: Setting<unknown>): object {
  return {
    description,
    ...kind.written,
    ...(value !== undefined && { default: written(kind, value) }),
  };
}
