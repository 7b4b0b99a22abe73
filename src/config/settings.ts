/** The settings, from the values that the user wrote. */
import { catalog, isSetting, snakeCase, type CatalogEntry } from './catalog.ts';
import { wrongValue, type ConfigurationError } from './configuration-error.ts';
import type { Machine, Members, SettingsOf } from './schema/declaration.ts';
import { schema, type Settings } from './schema/schema.ts';
import { partName, readSecret, type Written } from './sources/source.ts';

/** A value of its setting's kind, and where the user wrote it. */
export interface Given {
  readonly value: unknown;
  readonly place: string;
}

/** The written values, each checked by the kind of its setting. */
export interface Judged {
  /** The usable values, by the name of the setting. */
  readonly given: ReadonlyMap<string, Given>;
  /** By the name of the setting. A value with parts may have several. */
  readonly errors: ReadonlyMap<string, readonly ConfigurationError[]>;
  readonly notices: readonly string[];
}

/** Checks each written value, and reads the secrets that are in files. */
export function judge(written: ReadonlyMap<string, Written>): Judged {
  const given = new Map<string, Given>();
  const errors = new Map<string, readonly ConfigurationError[]>();
  const notices: string[] = [];
  for (const entry of catalog.values()) {
    const one = written.get(entry.name);
    if (!one) continue;
    const { place } = one;
    const secret = one.inFile ? readSecret(one) : undefined;
    if (typeof secret === 'object') {
      errors.set(entry.name, [secret]);
      continue;
    }
    const value = entry.kind.read(secret ?? one.value);
    if (isOverruled(entry, one)) {
      given.set(entry.name, { value: entry.overruled?.by, place });
      notices.push(overruledNotice(entry, one));
    } else if (entry.kind.holds(value)) {
      given.set(entry.name, { value, place });
    } else {
      errors.set(entry.name, errorsOf(entry, one));
    }
  }
  return { given, errors, notices };
}

function errorsOf(entry: CatalogEntry, { value, place, placeOf }: Written): readonly ConfigurationError[] {
  const parts = entry.kind.problems?.(value);
  if (!parts) return [{ place, message: wrongValue(entry, value) }];
  return parts.map(({ path, message }) => ({
    place: placeOf?.(path) ?? place,
    message: placeOf || path.length === 0 ? message : `${partName('', path)}: ${message}`,
  }));
}

function isOverruled({ overruled }: CatalogEntry, { value, dataRentgen }: Written): boolean {
  return (
    dataRentgen === true && typeof value === 'string' && (overruled?.values.includes(value.trim()) ?? false)
  );
}

function overruledNotice({ name, overruled }: CatalogEntry, { value, place }: Written): string {
  return `${place}: ${String(value)} is not used, because ${overruled?.why ?? ''}; ${name} is ${String(overruled?.by)}`;
}

/**
 * The defaults that follow the machine, by the name of the setting. The place of each is its rule, in words. A
 * setting that is given has none.
 */
export function derivedDefaults(
  machine: Machine,
  given: ReadonlyMap<string, Given>,
): ReadonlyMap<string, Given> {
  const valueOf = (name: string) => (given.get(name) ?? { value: catalog.get(name)?.default }).value;
  const defaults = new Map<string, Given>();
  for (const { name, derived } of catalog.values()) {
    const value = derived?.from(machine, valueOf);
    if (derived && value !== undefined && !given.has(name))
      defaults.set(name, { value, place: derived.rule });
  }
  return defaults;
}

/**
 * The settings, nested and frozen. A setting that is not given has its default. Throws a `TypeError` when a value is not
 * of its setting's kind; `judge` gives no such value.
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
