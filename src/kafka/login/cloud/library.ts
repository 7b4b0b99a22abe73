/** The libraries of the clouds. They are large, and few installations need one, so they are optional packages. */
import { createRequire } from 'node:module';
import { findPackage, MissingPackageError } from '../../../support/packages/optional-package.ts';

export type CloudProvider = 'aws' | 'azure' | 'google';

/** The npm package of each cloud, and the version that was tried. */
export const LIBRARIES: Readonly<Record<CloudProvider, { readonly name: string; readonly version: string }>> =
  {
    aws: { name: 'aws-msk-iam-sasl-signer-js', version: '1.0.3' },
    azure: { name: '@azure/identity', version: '4.14.1' },
    google: { name: 'google-auth-library', version: '11.3.4' },
  };

/** The library of a cloud is not installed, or has another form than the version that was tried. */
export class CloudLibraryError extends Error {
  override readonly name = 'CloudLibraryError';
}

/**
 * Loads the library of a cloud. `load` loads further packages from where the library was found.
 * @throws {CloudLibraryError}
 */
export function loadLibrary<Library>(
  provider: CloudProvider,
  isLibrary: (loaded: unknown) => loaded is Library,
): { readonly library: Library; readonly load: NodeJS.Require } {
  const load = findLibrary(provider);
  const { name } = LIBRARIES[provider];
  const library: unknown = load(name);
  if (!isLibrary(library))
    throw new CloudLibraryError(`the npm package ${name} has another form than expected`);
  // AWS' credentials are in a package that its signing package depends on.
  return { library, load: createRequire(load.resolve(name)) };
}

/**
 * A function that loads the library of a cloud.
 * @throws {CloudLibraryError} where it is not installed. The message has the command that installs it.
 */
export function findLibrary(provider: CloudProvider): NodeJS.Require {
  const page = 'docs/cloud-kafka.md';
  try {
    return findPackage({ ...LIBRARIES[provider], folder: 'cloud', needer: provider, page });
  } catch (error) {
    if (!(error instanceof MissingPackageError)) throw error;
    throw new CloudLibraryError(error.message, { cause: error });
  }
}

/** Whether the library has a function or a class of this name. */
export function hasFunction<Name extends string>(
  loaded: unknown,
  name: Name,
): loaded is Readonly<Record<Name, (...args: never[]) => unknown>> {
  return typeof loaded === 'object' && loaded !== null && typeof Reflect.get(loaded, name) === 'function';
}

/** A member that is text and not empty. */
export function textMember(value: unknown, name: string): string | undefined {
  const member = memberOf(value, name);
  return typeof member === 'string' && member !== '' ? member : undefined;
}

/** A member that is a finite number. */
export function numberMember(value: unknown, name: string): number | undefined {
  const member = memberOf(value, name);
  return typeof member === 'number' && Number.isFinite(member) ? member : undefined;
}

export function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
