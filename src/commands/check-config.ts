import type { CommandDeclaration } from './command.ts';
import { catalog } from '../config/catalog.ts';
import { errorReport } from '../config/configuration-error.ts';
import type { Loaded } from '../config/load.ts';
import { written } from '../config/schema/kind.ts';

/** `http2kafka check-config`: prints the settings of the proxy, or everything that would stop it. */
export const checkConfig: CommandDeclaration = {
  name: 'check-config',
  description: 'show the settings that the proxy would use, or all configuration errors',
  settings: 'all',
  action: async ({ load }) => {
    const outcome = load(false);
    if ('errors' in outcome) {
      console.error(errorReport(outcome.errors));
      return 1;
    }
    const { findStartProblems } = await import('./check-config/start-problems.ts');
    const problems = await findStartProblems(outcome.settings);
    if (problems.length > 0) {
      console.error(errorReport(problems));
      return 1;
    }
    console.log('configuration is valid');
    for (const notice of outcome.notices) console.log(`note: ${notice}`);
    console.log(effectiveSettings(outcome).join('\n'));
    return 0;
  },
};

/** A line for each setting, in the form of a configuration file, with the place of every value that is not a default. */
function effectiveSettings({ given }: Loaded): readonly string[] {
  return [...catalog.values()].map((entry) => {
    const { value, place } = given.get(entry.name) ?? { value: entry.default, place: undefined };
    const shown =
      entry.secret && value !== undefined ? '*****' : JSON.stringify(written(entry.kind, value) ?? null);
    return `${entry.name}: ${shown}${place === undefined ? '' : `  # ${place}`}`;
  });
}
