/**
 * Packages that few installations need. They are large, so they are not installed with the program. They are found where
 * Node finds every package, or below a folder of the program.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { packageFolder } from './package-folder.ts';

export interface OptionalPackage {
  /** The npm package, and the version that was tried. */
  readonly name: string;
  readonly version: string;
  /** Packages that are installed with it, each with its version: `name@version`. */
  readonly with?: readonly string[];
  /**
   * The folder of the program in which npm puts it with `--prefix`. It is a folder of its own, because npm removes packages
   * that it does not know.
   */
  readonly folder: string;
  /** What needs it, for the message. */
  readonly needer: string;
  /** The page of the documentation. */
  readonly page: string;
}

/** An optional package is not installed. The message has the command that installs it. */
export class MissingPackageError extends Error {
  override readonly name = 'MissingPackageError';
}

/**
 * A function that loads the package.
 * @throws {MissingPackageError}
 */
export function findPackage(wanted: OptionalPackage): NodeJS.Require {
  const { name, version, needer, page } = wanted;
  const folder = join(packageFolder, wanted.folder);
  const found = [import.meta.filename, join(folder, 'package.json')].map(createRequire).find((load) => {
    try {
      load.resolve(name);
      return true;
    } catch {
      return false;
    }
  });
  if (found) return found;
  const packages = [`${name}@${version}`, ...(wanted.with ?? [])].join(' ');
  throw new MissingPackageError(
    `${needer} needs the npm package ${name}, which is not installed. Run \`npm install --prefix ${folder} ${packages}\`; for images see ${page}`,
  );
}
