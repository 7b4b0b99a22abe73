/** How a command of the program declares itself. The command line knows commands by these declarations alone. */
import type { Loaded, Refused } from '../config/load.ts';
import type { SettingName } from '../config/schema/schema.ts';

/** The exit code for arguments that a command does not understand. */
export const WRONG_USAGE = 2;

/** A command, or a group of commands. */
export interface CommandDeclaration {
  readonly name: string;
  readonly description: string;
  /** Whether it runs when its group, or the program, is called without the name of a command. */
  readonly isDefault?: true;
  readonly argument?: ArgumentDeclaration;
  readonly options?: readonly OptionDeclaration[];
  /**
   * The settings that the command uses. Their flags are options of the command, and so are --config and --env-file.
   * Without this list, the command reads no settings.
   */
  readonly settings?: 'all' | readonly SettingName[];
  /** Shorter names of these flags, which only this command has: `--level` for `--check-level`. */
  readonly shortFlags?: Readonly<Record<`--${string}`, string>>;
  /** What the help says after the options, for example the exit codes. */
  readonly helpAfter?: string;
  /** The commands of a group, such as `token issue`. */
  readonly commands?: readonly CommandDeclaration[];
  /**
   * Runs the command and gives its exit code; undefined when the action sets the exit code itself. An action imports large
   * packages when it runs and not before, so that the program starts fast with any other command.
   */
  readonly action?: (call: CommandCall) => number | undefined | Promise<number | undefined>;
}

export interface ArgumentDeclaration {
  /** For the help: `<name>`, `[name]` when it may be missing, `<name...>` when there may be several. */
  readonly usage: string;
  readonly description: string;
  readonly default?: string;
}

/** The argument of a command that reads events (events/event-files.ts). */
export const EVENT_FILES: ArgumentDeclaration = {
  usage: '<file...>',
  description:
    'an event, a JSON array of events or JSON lines, also in gzip; a folder of such files; - is standard input',
};

export interface OptionDeclaration {
  /** `--topic <topic>`; without an argument for a switch. */
  readonly usage: string;
  readonly description: string;
  readonly default?: string;
  /** Whether the command refuses to run without it. */
  readonly required?: true;
}

/** One call of a command. */
export interface CommandCall {
  /** The arguments, or their default. */
  readonly args: readonly string[];
  /** By name (`--topic`), the options that are given or have a default. The value of a switch is an empty text. */
  readonly options: ReadonlyMap<string, string>;
  /** Reads the settings from their sources. `offline` skips the rules that only a program that serves has to keep. */
  readonly load: (offline: boolean) => Loaded | Refused;
  /** As `load`. Prints the configuration errors, if there are any, and gives undefined. */
  readonly settings: (offline: boolean) => Loaded | undefined;
  /**
   * Says why the command fails: on standard error, and with `--json` also as `{"error": "…"}` on standard output. Returns the
   * exit code.
   */
  readonly failed: (message: string, exitCode?: number) => number;
}
