import { catalog } from '../config/catalog.ts';
import { errorReport } from '../config/configuration-error.ts';
import { written } from '../config/schema/kind.ts';
import type { Loaded, Refused } from '../config/load.ts';

/**
 * Says whether the program could start with these settings: what it would run on, each with where it comes from unless
 * it is a default, or every fault. Returns the exit code.
 */
export function checkConfig(outcome: Loaded | Refused): number {
  if ('errors' in outcome) {
    console.error(errorReport(outcome.errors));
    return 1;
  }
  console.log('configuration is valid');
  for (const notice of outcome.notices) console.log(`note: ${notice}`);
  console.log(effectiveSettings(outcome).join('\n'));
  return 0;
}

/** A line for each setting, in the form of a configuration file. */
function effectiveSettings({ given }: Loaded): readonly string[] {
  return [...catalog.values()].map((entry) => {
    const { value, place } = given.get(entry.name) ?? { value: entry.default, place: undefined };
    const shown =
      entry.secret && value !== undefined ? '*****' : JSON.stringify(written(entry.kind, value) ?? null);
    return `${entry.name}: ${shown}${place === undefined ? '' : `  # ${place}`}`;
  });
}
