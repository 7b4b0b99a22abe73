/** The values that one source has for the settings, before their kinds check them. */
import { readFileSync } from 'node:fs';
import { getSystemErrorMap } from 'node:util';
import { catalog } from '../catalog.ts';
import type { ConfigurationError } from '../configuration-error.ts';

/** The content of one source: the flags, the environment, an `.env` file or the configuration file. */
export interface Source {
  /** By the name of the setting. */
  readonly written: ReadonlyMap<string, Written>;
  readonly errors: readonly ConfigurationError[];
  /** The source could not be read, so it may contain settings that are not in `written`. */
  readonly unreadable?: boolean;
}

/** A value as the user wrote it: text, or any JSON value from a file. */
export interface Written {
  readonly value: unknown;
  /** For messages: `HTTP2KAFKA__SERVER__PORT in the environment`. */
  readonly place: string;
  /** The same for a part of the value, by its path in it. */
  readonly placeOf?: (path: readonly (string | number)[]) => string;
  /** Whether the user wrote it under Data.Rentgen's name. */
  readonly dataRentgen?: true;
  /** Whether the value is the path of a file that contains the secret. */
  readonly inFile?: true;
}

/** The name of a part of a value, by its path in it: `routing.rules[2].when.kind`. */
export function partName(name: string, path: readonly (string | number)[]): string {
  return path.reduce<string>(
    (whole, step) => `${whole}${typeof step === 'number' ? `[${step}]` : `.${step}`}`,
    name,
  );
}

/** The source that is not given. */
export const emptySource: Source = { written: new Map(), errors: [] };

/** Adds a value to `written`. A secret that is given both as a value and as a file is an error: the two may differ. */
export function addWritten(
  written: Map<string, Written>,
  errors: ConfigurationError[],
  name: string,
  value: Written,
): void {
  const other = written.get(name);
  if (other && other.inFile !== value.inFile) {
    errors.push({ place: value.place, message: `the same secret as ${other.place}; remove one of the two` });
  } else {
    written.set(name, value);
  }
}

/** The flags that were given, by their names (`--port`), in the order in which they were given. */
export type Flags = ReadonlyMap<string, FlagValue>;

/** The argument of a flag: all arguments of a repeatable flag, and `true` for a flag that takes no argument. */
export type FlagValue = string | readonly string[] | true;

/**
 * The settings that the flags give. Of two flags for one setting the last one wins, as is usual in a shell. `shortFlags`
 * has the declared names of flags with a shorter name.
 */
export function readFlags(given: Flags, shortFlags: Readonly<Record<string, string>> = {}): Source {
  const written = new Map<string, Written>();
  for (const [name, value] of given) {
    const declared = shortFlags[name] ?? name;
    for (const entry of catalog.values()) {
      const flag = entry.flags?.find((flag) => flag.name === declared);
      if (flag) written.set(entry.name, { value: 'gives' in flag ? flag.gives : value, place: name });
    }
  }
  return { written, errors: [] };
}

/**
 * The secret in a file, or the reason why there is none. Docker and Kubernetes provide secrets as files. One line end
 * after the secret is not part of it, because editors add one.
 */
export function readSecret({ value, place }: Written): string | ConfigurationError {
  if (typeof value !== 'string' || value === '') return { place, message: 'the path of a file was expected' };
  const text = readText(value, place);
  if (typeof text !== 'string') return text;
  const secret = text.replace(/\r?\n$/, '');
  return secret === '' ? { place, message: `'${value}' is empty` } : secret;
}

/** The text of a file, or the reason why it cannot be read. */
export function readText(path: string, place = path): string | ConfigurationError {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const named = place === path ? '' : `'${path}' `;
    return { place, message: `${named}cannot be read: ${systemReason(error)}` };
  }
}

/** The operating system's text for a failed call: `no such file or directory`. */
function systemReason(error: unknown): string {
  const errno = error instanceof Error && 'errno' in error ? error.errno : undefined;
  const [, reason] = (typeof errno === 'number' ? getSystemErrorMap().get(errno) : undefined) ?? [];
  return reason ?? 'unknown reason';
}
