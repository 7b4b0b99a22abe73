/** Settings from variables: those of the process and those of an `.env` file. */
import { parseEnv } from 'node:util';
import {
  catalog,
  dataRentgenPrefix,
  isSectionName,
  ownPrefix,
  secretOfFile,
  sections,
  settingName,
  variableName,
} from '../catalog.ts';
import type { ConfigurationError } from '../configuration-error.ts';
import { nearestName, suggestion } from '../nearest-name.ts';
import type { Environment } from './environment.ts';
import { addWritten, type Source, type Written } from './source.ts';

export interface Variable {
  readonly name: string;
  readonly value: string;
  /** For messages: `HTTP2KAFKA__SERVER__PORT in .env line 3`. */
  readonly place: string;
}

export interface VariableSource extends Source {
  /** Variables with Data.Rentgen's prefix that are no settings of this program. */
  readonly foreign: readonly Variable[];
}

/** The variables of the process. */
export function environmentVariables(environment: Environment): readonly Variable[] {
  return Object.entries(environment).flatMap(([name, value]) =>
    value === undefined ? [] : [{ name, value, place: `${name} in the environment` }],
  );
}

/** The variables of an `.env` file, from its text. */
export function fileVariables(path: string, text: string): readonly Variable[] {
  const lines = text.split('\n');
  return Object.entries(parseEnv(text)).map(([name, value = '']) => {
    const line = lines.findLastIndex(
      (line) =>
        line
          .replace(/^\s*(export\s+)?/, '')
          .split('=')[0]
          ?.trim() === name,
    );
    return { name, value, place: `${name} in ${path} line ${line + 1}` };
  });
}

/** The settings that variables give. Where a setting has both of its names, our name wins over Data.Rentgen's. */
export function readVariables(variables: readonly Variable[]): VariableSource {
  const own = new Map<string, Written>();
  const dataRentgen = new Map<string, Written>();
  const foreign: Variable[] = [];
  const errors: ConfigurationError[] = [];
  for (const variable of variables) {
    const { value, place } = variable;
    const name = settingName(variable.name, ownPrefix);
    const dataRentgenName = settingName(variable.name, dataRentgenPrefix);
    if (name !== undefined) {
      const secret = secretOfFile(name);
      if (secret) addWritten(own, errors, secret.name, { value, place, inFile: true });
      else if (catalog.has(name)) addWritten(own, errors, name, { value, place });
      else errors.push({ place, message: unknownVariable(name) });
    } else if (dataRentgenName !== undefined) {
      const secret = secretOfFile(dataRentgenName);
      const written = { value, place, dataRentgen: true } as const;
      if (secret?.dataRentgen) {
        addWritten(dataRentgen, errors, secret.name, { ...written, inFile: true });
      } else if (catalog.get(dataRentgenName)?.dataRentgen) {
        addWritten(dataRentgen, errors, dataRentgenName, written);
      } else {
        foreign.push(variable);
      }
    }
  }
  return { written: new Map([...dataRentgen, ...own]), errors, foreign };
}

/** The decision about variables with Data.Rentgen's prefix that are no settings of this program. */
export interface ForeignVerdict {
  readonly errors: readonly ConfigurationError[];
  /** Names of variables that the program ignores. */
  readonly ignored: readonly string[];
}

/**
 * Judges the variables with Data.Rentgen's prefix that are no settings of this program; of equal names the first counts.
 * One `.env` file serves all programs of Data.Rentgen, so most of these variables are for other programs. But Data.Rentgen
 * also takes a whole section as JSON in one variable. Such a variable may ask for protection: a start without it is unsafe.
 */
export function judgeForeign(variables: readonly Variable[]): ForeignVerdict {
  const byName = new Map<string, Variable>();
  for (const variable of variables) {
    const name = settingName(variable.name, dataRentgenPrefix) ?? variable.name;
    if (!byName.has(name)) byName.set(name, variable);
  }
  const misused = [...byName].filter(([name, { value }]) => isSectionName(name) && value !== '');
  const refused = new Set(misused.map(([, variable]) => variable));
  return {
    errors: misused.map(([name, { place }]) => ({ place, message: sectionMisused(name, dataRentgenPrefix) })),
    ignored: [...byName.values()].filter((variable) => !refused.has(variable)).map(({ name }) => name),
  };
}

/** One line that lists the ignored variables; no line where there are none. */
export function ignoredNotice(names: readonly string[]): readonly string[] {
  if (names.length === 0) return [];
  return [`ignored, because they are no settings of http2kafka: ${[...new Set(names)].sort().join(', ')}`];
}

// The message does not repeat the value: an unknown name may be the misspelt name of a secret.
function unknownVariable(name: string): string {
  if (isSectionName(name)) return sectionMisused(name, ownPrefix);
  const nearest = nearestName(name, catalog.keys());
  return `there is no such setting.${suggestion(nearest && variableName(nearest))}`;
}

/** The message for a variable that has the name of a whole section. */
function sectionMisused(name: string, prefix: string): string {
  const entries = sections.find((section) => section.name === name)?.entries ?? [];
  const first = entries.find(({ dataRentgen }) => dataRentgen || prefix === ownPrefix);
  const example = first ? `, such as ${variableName(first.name, prefix)}` : '';
  return `a section has no value of its own; name a setting in it${example}`;
}
