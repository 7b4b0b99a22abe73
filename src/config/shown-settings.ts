/** The settings in force, for people. */
import { catalog } from './catalog.ts';
import type { Loaded } from './load.ts';
import { written } from './schema/kind.ts';

/** What takes the place of a secret. */
export const HIDDEN = '*****';

export interface ShownSetting {
  readonly name: string;
  readonly value: unknown;
  /** Undefined for a default. */
  readonly place: string | undefined;
}

/** Every setting, without secrets. */
export function shownSettings({ given, derived }: Loaded): readonly ShownSetting[] {
  return [...catalog.values()].map((entry) => {
    const { value, place } = given.get(entry.name) ??
      derived.get(entry.name) ?? { value: entry.default, place: undefined };
    // A default is no secret.
    const isHidden = entry.secret && place !== undefined;
    return { name: entry.name, value: isHidden ? HIDDEN : (written(entry.kind, value) ?? null), place };
  });
}
