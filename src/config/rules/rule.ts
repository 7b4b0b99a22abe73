import { accessSync, constants, statSync } from 'node:fs';
import type { SettingName, Settings } from '../schema/schema.ts';

/** A rule between settings, or between a setting and the machine. The limits of a single value are in its kind. */
export interface Rule {
  /** The settings that the rule reads. An error names the first one. The rule is skipped when one of them has an error. */
  readonly about: readonly [SettingName, ...SettingName[]];
  /** Whether only a program that serves has to keep the rule, unlike `validate` and other offline commands. */
  readonly serving?: true;
  /** The message of the error; undefined without one. `isGiven` is false for a setting that has its default,
   * `isFlag` for one that is not a flag of the command line. */
  readonly check: (
    settings: Settings,
    isGiven: (name: SettingName) => boolean,
    isFlag: (name: SettingName) => boolean,
  ) => string | undefined;
}

/** The message where the rule is broken. */
export function when(broken: boolean, message: string): string | undefined {
  return broken ? message : undefined;
}

/** A rule that the first setting needs the other one. */
export function needs(name: SettingName, other: SettingName, valueOf: (settings: Settings) => unknown): Rule {
  return {
    about: [name, other],
    check: (settings, isGiven) =>
      when(valueOf(settings) !== undefined && !isGiven(other), `needs ${other}, which is not set`),
  };
}

/** A rule that the setting's file can be read. */
export function readable(name: SettingName, pathOf: (settings: Settings) => string | undefined): Rule {
  return {
    about: [name],
    check: (settings) => {
      const path = pathOf(settings);
      return when(path !== undefined && !isReadableFile(path), notReadable(path ?? ''));
    },
  };
}

export function notReadable(path: string): string {
  return `'${path}' is not a file that can be read`;
}

export function isReadableFile(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
