import { isSetting, snakeCase } from './catalog.ts';
import type { Members, SettingsOf } from './schema/declaration.ts';
import { schema, type Settings } from './schema/schema.ts';

/** A value of its setting's kind, and where it was given. */
export interface Given {
  readonly value: unknown;
  readonly place: string;
}

/**
 * The settings, nested and frozen, from what was given, by name; the rest have their defaults.
 * Throws when a value is not of its setting's kind, which is for the caller to have made sure of.
 */
export function settingsFrom(given: ReadonlyMap<string, Given>): Settings {
  const settings = nest(schema, '', given);
  if (!areSettingsOf(schema, settings)) throw new TypeError('a setting has a value that is not of its kind');
  return settings;
}

function nest(members: Members, prefix: string, given: ReadonlyMap<string, Given>): unknown {
  const entries = Object.entries(members).map(([key, member]): [string, unknown] => {
    const name = prefix + snakeCase(key);
    if (!isSetting(member)) return [key, nest(member.members, `${name}.`, given)];
    const { value } = given.get(name) ?? { value: member.default };
    return [key, Array.isArray(value) ? Object.freeze(value) : value];
  });
  return Object.freeze(Object.fromEntries(entries));
}

function areSettingsOf<M extends Members>(members: M, value: unknown): value is SettingsOf<M> {
  if (typeof value !== 'object' || value === null) return false;
  const held = new Map<string, unknown>(Object.entries(value));
  return Object.entries(members).every(([key, member]) =>
    isSetting(member) ? member.kind.holds(held.get(key)) : areSettingsOf(member.members, held.get(key)),
  );
}
