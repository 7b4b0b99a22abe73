import type { Kind } from './kind.ts';

/** One setting, declared once: everything that is known about it. Its name is its place in the tree of sections. */
export interface Setting<T> {
  readonly kind: Kind<T>;
  readonly default: T;
  /** For the reference page and the help of the flag: one sentence, or two. */
  readonly sentence: string;
  /** Its value is never shown: not in a fault, a notice, a log line or a dump. */
  readonly secret?: true;
  readonly flags?: readonly Flag[];
  /** Data.Rentgen's http2kafka has it under the same name, with its own prefix. */
  readonly dataRentgen?: true;
  /** Values Data.Rentgen takes and this program cannot honour, with what is used in their place and why. */
  readonly overruled?: { readonly values: readonly string[]; readonly by: T; readonly why: string };
}

/** `--port 8002` takes the value after it; `--no-access-log` is a value by itself. */
export type Flag =
  | { readonly name: `--${string}`; readonly argument: string; readonly repeatable?: true }
  | { readonly name: `--${string}`; readonly gives: string | boolean };

export interface Section<M extends Members> {
  /** For the reference page: what the settings below are about. */
  readonly about: string;
  readonly members: M;
}

export interface Members {
  readonly [name: string]: Setting<unknown> | Section<Members>;
}

/** The settings of a section as the program gets them: nested, read-only, every value there. */
export type SettingsOf<M extends Members> = {
  readonly [Name in keyof M]: M[Name] extends Section<infer Inner>
    ? SettingsOf<Inner>
    : M[Name] extends Setting<infer T>
      ? T
      : never;
};

/** The names of settings as users write them: `server.keep_alive_timeout_s`. */
export type NamesOf<M extends Members, Prefix extends string = ''> = {
  [Name in keyof M & string]: M[Name] extends Section<infer Inner>
    ? NamesOf<Inner, `${Prefix}${SnakeCase<Name>}.`>
    : `${Prefix}${SnakeCase<Name>}`;
}[keyof M & string];

type SnakeCase<Name extends string> = Name extends `${infer First}${infer Rest}`
  ? `${First extends Lowercase<First> ? First : `_${Lowercase<First>}`}${SnakeCase<Rest>}`
  : '';

/** Some settings that belong together, and what they are about. */
export function section<const M extends Members>(about: string, members: M): Section<M> {
  return { about, members };
}

/** A setting; its type follows from its kind. */
export function setting<T>(kind: Kind<T>, facts: Omit<Setting<NoInfer<T>>, 'kind'>): Setting<T> {
  return { kind, ...facts };
}

/** The two flags of something that is on or off: `--access-log` and `--no-access-log`. */
export function onOff(name: string): readonly Flag[] {
  return [
    { name: `--${name}`, gives: true },
    { name: `--no-${name}`, gives: false },
  ];
}
