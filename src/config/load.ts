import { catalog, type CatalogEntry } from './catalog.ts';
import { judgeForeign, passedOverNotice } from './sources/data-rentgen.ts';
import type { Environment } from './sources/environment.ts';
import { wrongValue, type Fault } from './configuration-error.ts';
import { readFlags, type Flags } from './sources/flags.ts';
import { rules } from './rules/rules.ts';
import type { Settings } from './schema/schema.ts';
import { readSecret, readText } from './sources/secret-file.ts';
import { settingsFrom, type Given } from './settings.ts';
import { readSettingsFile } from './sources/settings-file.ts';
import { silentSource, type Source, type Written } from './sources/source.ts';
import {
  environmentVariables,
  fileVariables,
  readVariables,
  type VariableSource,
} from './sources/variables.ts';

export interface Inputs {
  readonly flags: Flags;
  readonly environment: Environment;
  /** Path of an `.env` file. */
  readonly envFile?: string | undefined;
  /** Path of a YAML or JSON file. */
  readonly configFile?: string | undefined;
  /** Whether what only a serving program needs may be missing. */
  readonly offline?: boolean;
}

export interface Loaded {
  readonly settings: Settings;
  /** What an operator should be told, a line each. */
  readonly notices: readonly string[];
  /** What is not by default, by the name of its setting. */
  readonly given: ReadonlyMap<string, Given>;
}

export interface Refused {
  readonly faults: readonly Fault[];
}

/**
 * Reads every source and gives the settings the program runs on, or every fault there is. A flag wins over the
 * environment, that over the `.env` file, that over the configuration file. What is overridden is not judged: an
 * override is a way out of a file that cannot be changed.
 */
export function loadSettings(inputs: Inputs): Loaded | Refused {
  const environment = readVariables(environmentVariables(inputs.environment));
  const envFile = readEnvFile(inputs.envFile);
  const configFile = readConfigFile(inputs.configFile);
  const sources = [readFlags(inputs.flags), environment, envFile, configFile];
  const foreign = judgeForeign([...environment.foreign, ...envFile.foreign]);

  // Of equal names the last one stays: the source that wins.
  const written = new Map(sources.toReversed().flatMap((source) => [...source.written]));
  const judged = judge(written);
  const settings = settingsFrom(judged.given);
  // What is missing may stand in a file that could not be read.
  const complete = !sources.some((source) => source.unreadable);
  const faults = [
    ...sources.flatMap((source) => source.faults),
    ...foreign.faults,
    ...judged.faults.values(),
    ...(complete ? brokenRules(settings, judged, inputs.offline ?? false) : []),
  ];
  if (faults.length > 0) return { faults };
  return {
    settings,
    notices: [...judged.notices, ...passedOverNotice(foreign.passedOver)],
    given: judged.given,
  };
}

interface Judged {
  /** By name, what can be used. */
  readonly given: ReadonlyMap<string, Given>;
  readonly faults: ReadonlyMap<string, Fault>;
  readonly notices: readonly string[];
}

function judge(written: ReadonlyMap<string, Written>): Judged {
  const given = new Map<string, Given>();
  const faults = new Map<string, Fault>();
  const notices: string[] = [];
  for (const entry of catalog.values()) {
    const one = written.get(entry.name);
    if (!one) continue;
    const { place } = one;
    const secret = one.inFile ? readSecret(one) : undefined;
    if (typeof secret === 'object') {
      faults.set(entry.name, secret);
      continue;
    }
    const value = entry.kind.read(secret ?? one.value);
    if (isOverruled(entry, one)) {
      given.set(entry.name, { value: entry.overruled?.by, place });
      notices.push(overruledNotice(entry, one));
    } else if (entry.kind.holds(value)) {
      given.set(entry.name, { value, place });
    } else {
      faults.set(entry.name, { place, message: wrongValue(entry, one.value) });
    }
  }
  return { given, faults, notices };
}

function isOverruled({ overruled }: CatalogEntry, { value, dataRentgen }: Written): boolean {
  return (
    dataRentgen === true && typeof value === 'string' && (overruled?.values.includes(value.trim()) ?? false)
  );
}

function overruledNotice({ name, overruled }: CatalogEntry, { value, place }: Written): string {
  return `${place}: ${String(value)} is not honoured, for ${overruled?.why ?? ''}; ${name} is ${String(overruled?.by)}`;
}

function brokenRules(settings: Settings, { given, faults }: Judged, offline: boolean): readonly Fault[] {
  return rules
    .filter(({ about, serving }) => !about.some((name) => faults.has(name)) && !(offline && serving))
    .flatMap(({ about, check }) => {
      const message = check(settings, (name) => given.get(name)?.value !== undefined);
      return message === undefined ? [] : [{ place: given.get(about[0])?.place ?? about[0], message }];
    });
}

function readEnvFile(path: string | undefined): VariableSource {
  if (path === undefined) return { ...silentSource, foreign: [] };
  const text = readText(path);
  return typeof text === 'string'
    ? readVariables(fileVariables(path, text))
    : { ...silentSource, foreign: [], faults: [text], unreadable: true };
}

function readConfigFile(path: string | undefined): Source {
  if (path === undefined) return silentSource;
  const text = readText(path);
  return typeof text === 'string'
    ? readSettingsFile(path, text)
    : { ...silentSource, faults: [text], unreadable: true };
}
