import { Argument, Command, CommanderError, Option } from 'commander';
import type { CommandDeclaration, OptionDeclaration } from './commands/command.ts';
import { checkConfig } from './commands/check-config.ts';
import { serve } from './commands/serve.ts';
import { spool } from './commands/spool.ts';
import { token } from './commands/token.ts';
import { validate } from './commands/validate.ts';
import { catalog } from './config/catalog.ts';
import { errorReport } from './config/configuration-error.ts';
import { loadSettings, type Loaded, type Refused } from './config/load.ts';
import { nearestName, suggestion } from './config/nearest-name.ts';
import type { Flag, Setting } from './config/schema/declaration.ts';
import { written } from './config/schema/kind.ts';
import { readEnvironment } from './config/sources/environment.ts';
import type { FlagValue } from './config/sources/source.ts';
import { version } from './version.ts';

const COMMANDS: readonly CommandDeclaration[] = [serve, checkConfig, validate, spool, token];

const WRONG_USAGE = 2;

/** The flags of settings, by name, in the order of their last use: of two for one setting the last one wins. */
type GivenFlags = Map<string, FlagValue>;

type Load = (offline: boolean) => Loaded | Refused;

/**
 * Runs the command that the arguments name (without the path of the script). Sets the exit code: 1 for a failed command or
 * a configuration error, 2 for arguments that the program does not understand.
 */
export async function run(args: readonly string[]): Promise<void> {
  try {
    await createProgram().parseAsync(args, { from: 'user' });
  } catch (error) {
    // Commander has printed the message. `--help` and `--version` end here too, with the code 0.
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? 0 : WRONG_USAGE;
  }
}

function createProgram(): Command {
  const flags: GivenFlags = new Map();
  const program = new Command('http2kafka')
    .description('Takes OpenLineage events over HTTP and writes them to Kafka.')
    .version(version)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .option('--config <file>', 'YAML or JSON file with settings')
    .option('--env-file <file>', 'file with environment variables; the environment wins over it')
    .addHelpText('after', '\nEvery setting, also those without a flag: docs/configuration.md');
  for (const setting of catalog.values()) addFlags(program, setting, flags);
  const load: Load = (offline) => {
    const { config, envFile } = program.opts<{ readonly config?: string; readonly envFile?: string }>();
    return loadSettings({ flags, environment: readEnvironment(), envFile, configFile: config, offline });
  };
  for (const declaration of COMMANDS) addCommand(program, declaration, load);
  return program;
}

function addCommand(parent: Command, declaration: CommandDeclaration, load: Load): void {
  const { name, description, isDefault = false, argument, options = [], commands = [], action } = declaration;
  const command = parent.command(name, { isDefault }).description(description);
  // An unknown command comes to the default command as an argument. Its error then names the nearest command.
  const takesUnknown = isDefault && parent.parent === null;
  if (takesUnknown) command.allowExcessArguments();
  if (argument) {
    command.addArgument(new Argument(argument.usage, argument.description).default(argument.default));
  }
  for (const option of options) {
    const { usage, description, required = false } = option;
    command.addOption(new Option(usage, description).default(option.default).makeOptionMandatory(required));
  }
  for (const inner of commands) addCommand(command, inner, load);
  if (!action) return;
  command.action(async () => {
    if (takesUnknown) refuseUnknownCommand(parent, command);
    const code = await action({
      args: command.processedArgs.flat().map(String),
      options: givenOptions(command, options),
      load,
      settings: (offline) => reported(load(offline)),
    });
    if (code !== undefined) process.exitCode = code;
  });
}

/** By name, as they are declared. */
function givenOptions(command: Command, options: readonly OptionDeclaration[]): ReadonlyMap<string, string> {
  const given = new Map<string, string>();
  for (const { usage } of options) {
    const option = new Option(usage);
    const value: unknown = command.getOptionValue(option.attributeName());
    if (value !== undefined) given.set(option.long ?? usage, typeof value === 'string' ? value : '');
  }
  return given;
}

/** Prints the configuration errors, if there are any, and sets the exit code for them. */
function reported(outcome: Loaded | Refused): Loaded | undefined {
  if (!('errors' in outcome)) return outcome;
  console.error(errorReport(outcome.errors));
  process.exitCode = 1;
  return undefined;
}

/** Adds the flags of a setting. Commander only collects their values; they are checked with those of other sources. */
function addFlags(program: Command, setting: Setting<unknown>, given: GivenFlags): void {
  for (const flag of setting.flags ?? []) {
    program.addOption(new Option(usageOf(flag), helpOf(setting, flag)).helpGroup('Settings:'));
    program.on(`option:${flag.name.slice(2)}`, (value: unknown) => {
      const earlier = given.get(flag.name);
      given.delete(flag.name);
      given.set(flag.name, collected(flag, value, earlier));
    });
  }
}

function collected(flag: Flag, value: unknown, earlier: FlagValue = []): FlagValue {
  if (typeof value !== 'string') return true;
  return 'repeatable' in flag && typeof earlier === 'object' ? [...earlier, value] : value;
}

function usageOf(flag: Flag): string {
  return 'gives' in flag ? flag.name : `${flag.name} <${flag.argument}>`;
}

function helpOf({ description, kind, default: plainDefault }: Setting<unknown>, flag: Flag): string {
  const value = written(kind, plainDefault);
  if ('gives' in flag && flag.name.startsWith('--no-')) return '';
  const plain = description.replaceAll('`', '');
  if ('gives' in flag) return plain;
  if ('repeatable' in flag) return `${plain} May be repeated.`;
  if (value === undefined) return plain;
  return `${plain} (default: ${typeof value === 'string' ? value : JSON.stringify(value)})`;
}

function refuseUnknownCommand(parent: Command, { args: [unknown] }: Command): void {
  if (unknown === undefined) return;
  const names = parent.commands.map((command) => command.name());
  parent.error(`error: unknown command '${unknown}'.${suggestion(nearestName(unknown, names))}`);
}
