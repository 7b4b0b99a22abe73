import { accessSync, constants, statSync } from 'node:fs';
import type { SettingName, Settings } from '../schema/schema.ts';

/** What holds between settings, or between a setting and the machine. What one value may be is its kind's business. */
export interface Rule {
  /** The settings it looks at; a fault names the first. It is skipped when one of them has a fault already. */
  readonly about: readonly [SettingName, ...SettingName[]];
  /** Whether it matters only to a program that is going to serve, not to one that looks at a file of events. */
  readonly serving?: true;
  /** What is wrong, or undefined. `isGiven` tells a value that somebody set from a default. */
  readonly check: (settings: Settings, isGiven: (name: SettingName) => boolean) => string | undefined;
}

export function when(broken: boolean, message: string): string | undefined {
  return broken ? message : undefined;
}

/** The one makes no sense without the other. */
export function needs(name: SettingName, other: SettingName, valueOf: (settings: Settings) => unknown): Rule {
  return {
    about: [name, other],
    check: (settings, isGiven) =>
      when(valueOf(settings) !== undefined && !isGiven(other), `needs ${other}, which is not set`),
  };
}

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
