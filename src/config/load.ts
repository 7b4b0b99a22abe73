import { catalog } from './catalog.ts';
import type { ConfigurationError } from './configuration-error.ts';
import { rules } from './rules/rules.ts';
import { thisMachine } from './machine.ts';
import type { Machine } from './schema/declaration.ts';
import type { SettingName, Settings } from './schema/schema.ts';
import { derivedDefaults, judge, settingsFrom, type Given, type Judged } from './settings.ts';
import type { Environment } from './sources/environment.ts';
import { readSettingsFile } from './sources/settings-file.ts';
import { emptySource, readFlags, readText, type Flags, type Source } from './sources/source.ts';
import {
  environmentVariables,
  fileVariables,
  ignoredNotice,
  judgeForeign,
  readVariables,
  type VariableSource,
} from './sources/variables.ts';

export interface Inputs {
  readonly flags: Flags;
  /** By shorter names of flags, their declared names. */
  readonly shortFlags?: Readonly<Record<string, string>>;
  readonly environment: Environment;
  /** Path of an `.env` file. */
  readonly envFile?: string | undefined;
  /** Path of a YAML or JSON file. */
  readonly configFile?: string | undefined;
  /** Whether to skip the rules that only a program that serves has to keep. */
  readonly offline?: boolean;
  /** What defaults follow. Without it: this machine. */
  readonly machine?: Machine;
}

export interface Loaded {
  readonly settings: Settings;
  /** Messages for the operator, one line each. */
  readonly notices: readonly string[];
  /** The settings that the user gave, by name. */
  readonly given: ReadonlyMap<string, Given>;
  /** The defaults that follow the machine and are in force, by the name of the setting. */
  readonly derived: ReadonlyMap<string, Given>;
}

export interface Refused {
  readonly errors: readonly ConfigurationError[];
}

/**
 * Reads every source, and gives the settings of the program or all configuration errors. A flag wins over the environment,
 * the environment over the `.env` file, and that over the configuration file. A value that another source overrides is not
 * checked, so that a user can override a file that cannot be changed.
 */
export function loadSettings(inputs: Inputs): Loaded | Refused {
  const environment = readVariables(environmentVariables(inputs.environment));
  const envFile = readEnvFile(inputs.envFile);
  const configFile = readConfigFile(inputs.configFile);
  const sources = [readFlags(inputs.flags, inputs.shortFlags), environment, envFile, configFile];
  const foreign = judgeForeign([...environment.foreign, ...envFile.foreign]);

  // Of equal names the last one stays in the map, so the source that wins comes last.
  const written = new Map(sources.toReversed().flatMap((source) => [...source.written]));
  const judged = judge(written);
  const derived = derivedDefaults(inputs.machine ?? thisMachine(), judged.given);
  const settings = settingsFrom(new Map([...derived, ...judged.given]));
  // A setting that seems to be missing may be in a file that could not be read.
  const complete = !sources.some((source) => source.unreadable);
  const errors = [
    ...sources.flatMap((source) => source.errors),
    ...foreign.errors,
    ...[...judged.errors.values()].flat(),
    ...(complete ? brokenRules(settings, judged, inputs.offline ?? false) : []),
  ];
  if (errors.length > 0) return { errors };
  return {
    settings,
    notices: [...judged.notices, ...ignoredNotice(foreign.ignored), ...derivedNotice(derived)],
    given: judged.given,
    derived,
  };
}

/** One line about the limits that differ from their plain defaults. */
function derivedNotice(derived: ReadonlyMap<string, Given>): readonly string[] {
  const limits = [...derived]
    .filter(([name, { value }]) => value !== catalog.get(name)?.default)
    .map(([name, { value, place }]) => `${name} is ${String(value)} (${place})`);
  return limits.length === 0 ? [] : [`limits that follow this machine: ${limits.join(', ')}`];
}

function brokenRules(
  settings: Settings,
  { given, errors }: Judged,
  offline: boolean,
): readonly ConfigurationError[] {
  return rules
    .filter(({ about, serving }) => !about.some((name) => errors.has(name)) && !(offline && serving))
    .flatMap(({ about, check }) => {
      const isGiven = (name: SettingName) => given.get(name)?.value !== undefined;
      const isFlag = (name: SettingName) => given.get(name)?.place.startsWith('--') === true;
      const message = check(settings, isGiven, isFlag);
      return message === undefined ? [] : [{ place: given.get(about[0])?.place ?? about[0], message }];
    });
}

function readEnvFile(path: string | undefined): VariableSource {
  if (path === undefined) return { ...emptySource, foreign: [] };
  const text = readText(path);
  return typeof text === 'string'
    ? readVariables(fileVariables(path, text))
    : { ...emptySource, foreign: [], errors: [text], unreadable: true };
}

function readConfigFile(path: string | undefined): Source {
  if (path === undefined) return emptySource;
  const text = readText(path);
  return typeof text === 'string'
    ? readSettingsFile(path, text)
    : { ...emptySource, errors: [text], unreadable: true };
}
