import { findPackageJSON } from 'node:module';
import { dirname } from 'node:path';

/** The folder of the package: this file is in its `src/` or its `dist/`. */
export const packageFolder = dirname(findPackageJSON(import.meta.url) ?? process.cwd());
