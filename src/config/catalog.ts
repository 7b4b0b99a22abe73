import type { Members, Section, Setting } from './schema/declaration.ts';
import { schema } from './schema/schema.ts';

/** A setting together with the names that follow from its place in the schema. */
export interface CatalogEntry extends Setting<unknown> {
  /** As in a file and in a fault: `server.root_path`. */
  readonly name: string;
  readonly environmentName: string;
  readonly dataRentgenName?: string;
}

export interface CatalogSection {
  readonly name: string;
  readonly about: string;
  readonly entries: readonly CatalogEntry[];
}

export const ownPrefix = 'HTTP2KAFKA__';
export const dataRentgenPrefix = 'DATA_RENTGEN__';

/** Every section, in the order of the schema, each with the settings that stand in it directly. */
export const sections: readonly CatalogSection[] = Object.entries(schema).flatMap(([name, section]) =>
  flatten(snakeCase(name), section),
);

/** Every setting by its name. */
export const catalog: ReadonlyMap<string, CatalogEntry> = new Map(
  sections.flatMap(({ entries }) => entries.map((entry) => [entry.name, entry])),
);

/** What the name of a secret ends in where its value is the path of a file that has it. */
export const secretFileSuffix = '_file';

/** The secret that `kafka.security.password_file` is for; undefined for any other name. */
export function secretOfFile(name: string): CatalogEntry | undefined {
  if (!name.endsWith(secretFileSuffix) || catalog.has(name)) return undefined;
  const entry = catalog.get(name.slice(0, -secretFileSuffix.length));
  return entry?.secret ? entry : undefined;
}

/** Whether a name is that of a section, such as `server.cors`. */
export function isSectionName(name: string): boolean {
  return sections.some((section) => section.name === name);
}

/** `bootstrapServers` in the code is `bootstrap_servers` wherever a user meets it. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** `server.root_path` is `HTTP2KAFKA__SERVER__ROOT_PATH`. */
export function variableName(name: string, prefix = ownPrefix): string {
  return prefix + name.toUpperCase().replaceAll('.', '__');
}

/** The way back; undefined for a variable without the prefix. Case does not count, as with Data.Rentgen. */
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
  return [{ name, about: section.about, entries }, ...inner];
}

function entryOf(name: string, setting: Setting<unknown>): CatalogEntry {
  return {
    ...setting,
    name,
    environmentName: variableName(name),
    ...(setting.dataRentgen && { dataRentgenName: variableName(name, dataRentgenPrefix) }),
  };
}
