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
import type { Environment } from './environment.ts';
import type { Fault } from '../configuration-error.ts';
import { nearestName, suggestion } from '../nearest-name.ts';
import { note, type Source, type Written } from './source.ts';

export interface Variable {
  readonly name: string;
  readonly value: string;
  /** For people: `HTTP2KAFKA__SERVER__PORT in .env line 3`. */
  readonly place: string;
}

export interface VariableSource extends Source {
  /** Names under Data.Rentgen's prefix that are no settings of this program. */
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

/** What variables say. Where both of its names are there, a setting goes by ours and not by Data.Rentgen's. */
export function readVariables(variables: readonly Variable[]): VariableSource {
  const own = new Map<string, Written>();
  const dataRentgen = new Map<string, Written>();
  const foreign: Variable[] = [];
  const faults: Fault[] = [];
  for (const variable of variables) {
    const { value, place } = variable;
    const name = settingName(variable.name, ownPrefix);
    const dataRentgenName = settingName(variable.name, dataRentgenPrefix);
    if (name !== undefined) {
      const secret = secretOfFile(name);
      if (secret) note(own, faults, secret.name, { value, place, inFile: true });
      else if (catalog.has(name)) note(own, faults, name, { value, place });
      else faults.push({ place, message: unknownVariable(name) });
    } else if (dataRentgenName !== undefined) {
      const secret = secretOfFile(dataRentgenName);
      const written = { value, place, dataRentgen: true } as const;
      if (secret?.dataRentgen) note(dataRentgen, faults, secret.name, { ...written, inFile: true });
      else if (catalog.get(dataRentgenName)?.dataRentgen) note(dataRentgen, faults, dataRentgenName, written);
      else foreign.push(variable);
    }
  }
  return { written: new Map([...dataRentgen, ...own]), faults, foreign };
}

// The value stays unsaid: a name nobody knows may be that of a secret with a slip in it.
function unknownVariable(name: string): string {
  if (isSectionName(name)) return sectionMisused(name, ownPrefix);
  const nearest = nearestName(name, catalog.keys());
  return `there is no such setting.${suggestion(nearest && variableName(nearest))}`;
}

/** For a variable that is named like a whole section. */
export function sectionMisused(name: string, prefix: string): string {
  const entries = sections.find((section) => section.name === name)?.entries ?? [];
  const first = entries.find(({ dataRentgen }) => dataRentgen || prefix === ownPrefix);
  const example = first ? `, such as ${variableName(first.name, prefix)}` : '';
  return `a section, which has no value of its own; name a setting in it${example}`;
}
