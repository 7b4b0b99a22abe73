import { catalog } from '../catalog.ts';
import type { Source, Written } from './source.ts';

/** The flags that were given, by their names (`--port`), in the order in which they were given. */
export type Flags = ReadonlyMap<string, FlagValue>;

/** What was written after a flag: each time for a repeatable one, and nothing (`true`) for one that is a value itself. */
export type FlagValue = string | readonly string[] | true;

/** What the flags say. Of two that choose the same setting the last one counts, as shells' users expect. */
export function readFlags(given: Flags): Source {
  const written = new Map<string, Written>();
  for (const [name, value] of given) {
    for (const entry of catalog.values()) {
      const flag = entry.flags?.find((flag) => flag.name === name);
      if (flag) written.set(entry.name, { value: 'gives' in flag ? flag.gives : value, place: name });
    }
  }
  return { written, faults: [] };
}
