/** The options of a command that come from the settings: their flags, --config and --env-file. */
import { type Command, Option } from 'commander';
import { catalog } from '../config/catalog.ts';
import { loadSettings, type Loaded, type Refused } from '../config/load.ts';
import type { Flag, Setting } from '../config/schema/declaration.ts';
import { written } from '../config/schema/kind.ts';
import type { SettingName } from '../config/schema/schema.ts';
import { readEnvironment } from '../config/sources/environment.ts';
import type { FlagValue } from '../config/sources/source.ts';

export type Load = (offline: boolean) => Loaded | Refused;

/** Adds the flags of the settings that a command uses. The result reads the settings, after the command line is parsed. */
export function addSettingFlags(
  command: Command,
  used: 'all' | readonly SettingName[] | undefined,
  shortFlags: Readonly<Record<Flag['name'], string>> = {},
): Load {
  // In the order of their last use: of two flags for one setting, the last one wins.
  const flags = new Map<string, FlagValue>();
  if (used !== undefined) {
    command
      .option('--config <file>', 'YAML or JSON file with settings')
      .option('--env-file <file>', 'file with environment variables; the environment wins over it');
    const names = used === 'all' ? catalog.keys() : used;
    for (const name of names) {
      const setting = catalog.get(name);
      if (setting) addFlags(command, setting, flags, shortFlags);
    }
  }
  return (offline) => {
    const { config, envFile } = command.opts<{ readonly config?: string; readonly envFile?: string }>();
    const environment = readEnvironment();
    return loadSettings({ flags, shortFlags, environment, envFile, configFile: config, offline });
  };
}

/** Adds the flags of a setting. Commander only collects their values; they are checked with those of other sources. */
function addFlags(
  command: Command,
  setting: Setting<unknown>,
  given: Map<string, FlagValue>,
  shortFlags: Readonly<Record<Flag['name'], string>>,
): void {
  const flags = setting.flags ?? [];
  const shorter = Object.entries(shortFlags).flatMap(([name, long]) =>
    flags.filter((flag) => flag.name === long).map((flag): Flag => ({ ...flag, name: `--${name.slice(2)}` })),
  );
  for (const flag of [...shorter, ...flags]) {
    command.addOption(new Option(usageOf(flag), helpOf(setting, flag)).helpGroup('Settings:'));
    command.on(`option:${flag.name.slice(2)}`, (value: unknown) => {
      const earlier = given.get(flag.name);
      given.delete(flag.name);
      given.set(flag.name, collected(flag, value, earlier));
    });
  }
}

function collected(flag: Flag, value: unknown, earlier: FlagValue = []): FlagValue {
  if (typeof value !== 'string') return true;
  return 'repeatable' in flag && typeof earlier === 'object' ? [...earlier, value] : value;
}

function usageOf(flag: Flag): string {
  return 'gives' in flag ? flag.name : `${flag.name} <${flag.argument}>`;
}

/** The first sentence of the description, so that the help stays short. docs/configuration.md has all of it. */
function helpOf({ description, kind, default: plainDefault }: Setting<unknown>, flag: Flag): string {
  if ('gives' in flag && flag.name.startsWith('--no-')) return '';
  const plain = description.replaceAll('`', '').replace(/(?<=\.) .*/s, '');
  if ('gives' in flag) return plain;
  if ('repeatable' in flag) return `${plain} May be repeated.`;
  const value = written(kind, plainDefault);
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return plain;
  return `${plain} (default: ${typeof value === 'string' ? value : JSON.stringify(value)})`;
}
