import type { Kind } from './kind.ts';

/** What the machine gives to the process, in bytes. Undefined if it has no limit, or the limit is not known. */
export interface Machine {
  /** The memory of the container (cgroup). The memory of the whole machine is no limit. */
  readonly memory?: number | undefined;
  /** The file system of `spool.path`. */
  readonly volume?: number | undefined;
}

/** A default that follows the machine. It is derived once, when the settings are loaded. */
export interface Derivation<T> {
  /** The value on this machine; undefined if the plain default holds. `valueOf` gives another setting, not derived. */
  readonly from: (machine: Machine, valueOf: (setting: string) => unknown) => T | undefined;
  /** The rule in words, for the reference page: `an eighth of the container's memory, at most 256 MiB`. */
  readonly rule: string;
}

/** The one declaration of a setting. Its name is its place in the tree of sections. */
export interface Setting<T> {
  readonly kind: Kind<T>;
  /** The default on a machine without a limit. */
  readonly default: T;
  /** The default on a machine with a limit. */
  readonly derived?: Derivation<T>;
  /** For the reference page, the JSON Schema and the help of the flag, in Markdown. */
  readonly description: string;
  /** The value is never shown: not in an error, a notice, a log line or `check-config`. */
  readonly secret?: true;
  readonly flags?: readonly Flag[];
  /** Whether Data.Rentgen's http2kafka has the setting under the same name, with its own prefix. */
  readonly dataRentgen?: true;
  /** Values that Data.Rentgen takes and this program does not, with the replacement and the reason. */
  readonly overruled?: { readonly values: readonly string[]; readonly by: T; readonly why: string };
}

/** `--port 8002` has an argument; `--no-access-log` gives a fixed value. */
export type Flag =
  | { readonly name: `--${string}`; readonly argument: string; readonly repeatable?: true }
  | { readonly name: `--${string}`; readonly gives: string | boolean };

export interface Section<M extends Members> {
  /** For the reference page and the JSON Schema: the subject of these settings. */
  readonly description: string;
  readonly members: M;
}

export interface Members {
  readonly [name: string]: Setting<unknown> | Section<Members>;
}

/** The settings of a section for the program: nested, read-only, with a value for each. */
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

/** A group of settings. */
export function section<const M extends Members>(description: string, members: M): Section<M> {
  return { description, members };
}

/** A setting. Its type is that of its kind. */
export function setting<T>(kind: Kind<T>, facts: Omit<Setting<NoInfer<T>>, 'kind'>): Setting<T> {
  return { kind, ...facts };
}

/** The two flags of a boolean setting: `--access-log` and `--no-access-log`. */
export function onOff(name: string): readonly Flag[] {
  return [
    { name: `--${name}`, gives: true },
    { name: `--no-${name}`, gives: false },
  ];
}

/** A share of the container's memory, and at most the plain default. */
export function shareOfMemory(divisor: number, most: number, rule: string): Derivation<number> {
  return {
    from: ({ memory }) => (memory === undefined ? undefined : Math.min(most, Math.floor(memory / divisor))),
    rule,
  };
}

/** The same for memory that must hold a whole event: never less than twice `producer.max_request_size`. */
export function shareForEvents(divisor: number, most: number, rule: string): Derivation<number> {
  const share = shareOfMemory(divisor, most, rule);
  return {
    from: (machine, valueOf) => {
      const bytes = share.from(machine, valueOf);
      return bytes && Math.max(bytes, 2 * Number(valueOf('producer.max_request_size')));
    },
    rule,
  };
}
