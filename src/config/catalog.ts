import type { Members, Section, Setting } from './schema/declaration.ts';
import { schema } from './schema/schema.ts';

/** A setting, with the names that its place in the schema gives it. */
export interface CatalogEntry extends Setting<unknown> {
  /** The name in files and messages: `server.root_path`. */
  readonly name: string;
  readonly environmentName: string;
  readonly dataRentgenName?: string;
}

export interface CatalogSection {
  readonly name: string;
  readonly description: string;
  readonly entries: readonly CatalogEntry[];
}

export const ownPrefix = 'HTTP2KAFKA__';
export const dataRentgenPrefix = 'DATA_RENTGEN__';

/** Every section, in the order of the schema, with its own settings but not those of its inner sections. */
export const sections: readonly CatalogSection[] = Object.entries(schema).flatMap(([name, section]) =>
  flatten(snakeCase(name), section),
);

/** Every setting by its name. */
export const catalog: ReadonlyMap<string, CatalogEntry> = new Map(
  sections.flatMap(({ entries }) => entries.map((entry) => [entry.name, entry])),
);

/** The end of the name that gives a secret as the path of a file. */
export const secretFileSuffix = '_file';

/** The secret setting of a name such as `kafka.security.password_file`; undefined for any other name. */
export function secretOfFile(name: string): CatalogEntry | undefined {
  if (!name.endsWith(secretFileSuffix) || catalog.has(name)) return undefined;
  const entry = catalog.get(name.slice(0, -secretFileSuffix.length));
  return entry?.secret ? entry : undefined;
}

/** Whether this is the name of a section, such as `server.cors`. */
export function isSectionName(name: string): boolean {
  return sections.some((section) => section.name === name);
}

/** `bootstrapServers` in the code is `bootstrap_servers` for the user. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** `server.root_path` is `HTTP2KAFKA__SERVER__ROOT_PATH`. */
export function variableName(name: string, prefix = ownPrefix): string {
  return prefix + name.toUpperCase().replaceAll('.', '__');
}

/** The setting that a variable names; undefined without the prefix. Case does not count, as in Data.Rentgen. */
export function settingName(variable: string, prefix: string): string | undefined {
  const upper = variable.toUpperCase();
  return upper.startsWith(prefix)
    ? upper.slice(prefix.length).replaceAll('__', '.').toLowerCase()
    : undefined;
}

export function isSetting(member: Setting<unknown> | Section<Members>): member is Setting<unknown> {
  return 'kind' in member;
}

function flatten(name: string, section: Section<Members>): CatalogSection[] {
  const entries: CatalogEntry[] = [];
  const inner: CatalogSection[] = [];
  for (const [key, member] of Object.entries(section.members)) {
    const memberName = `${name}.${snakeCase(key)}`;
    if (isSetting(member)) entries.push(entryOf(memberName, member));
    else inner.push(...flatten(memberName, member));
  }
  return [{ name, description: section.description, entries }, ...inner];
}

function entryOf(name: string, setting: Setting<unknown>): CatalogEntry {
  return {
    ...setting,
    name,
    environmentName: variableName(name),
    ...(setting.dataRentgen && { dataRentgenName: variableName(name, dataRentgenPrefix) }),
  };
}
