import { findPackageJSON } from 'node:module';
import { dirname } from 'node:path';

/** The folder of the package, whose `src/` or `dist/` this runs from. */
export const packageFolder = dirname(findPackageJSON(import.meta.url) ?? process.cwd());
