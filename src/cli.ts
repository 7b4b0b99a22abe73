import { Argument, Command, CommanderError, Help, Option } from 'commander';
import {
  WRONG_USAGE,
  type CommandCall,
  type CommandDeclaration,
  type OptionDeclaration,
} from './commands/command.ts';
import { checkConfig } from './commands/check-config.ts';
import { deadLetters } from './commands/dead-letters.ts';
import { health } from './commands/health.ts';
import { route } from './commands/route.ts';
import { send } from './commands/send.ts';
import { serve } from './commands/serve.ts';
import { addSettingFlags } from './commands/setting-flags.ts';
import { spool } from './commands/spool.ts';
import { tap } from './commands/tap.ts';
import { token } from './commands/token.ts';
import { validate } from './commands/validate.ts';
import { errorReport } from './config/configuration-error.ts';
import type { Loaded, Refused } from './config/load.ts';
import { nearestName, suggestion } from './config/nearest-name.ts';
import { errorCode } from './support/error-text.ts';
import { LONGEST_TIMER_MS } from './support/time.ts';
import { version } from './version.ts';

const COMMANDS: readonly CommandDeclaration[] = [
  serve,
  checkConfig,
  validate,
  route,
  send,
  spool,
  deadLetters,
  tap,
  token,
  health,
];

/** What most users set. */
const COMMON: readonly string[] = [
  '--config',
  '--env-file',
  '--bootstrap-servers',
  '--topic',
  '--host',
  '--port',
  '--root-path',
  '--ssl-certfile',
  '--ssl-keyfile',
  '--spool-path',
  '--log-level',
];

/**
 * Runs the command that the arguments name (without the path of the script). Sets the exit code: 1 for a failed command or
 * a configuration error, 2 for arguments that the program does not understand.
 */
export async function run(args: readonly string[]): Promise<void> {
  endWithReader();
  // Connections to other services keep no process alive. A command that waits for one must not end before the answer.
  const alive = setInterval(() => undefined, LONGEST_TIMER_MS);
  try {
    await createProgram().parseAsync(args, { from: 'user' });
  } catch (error) {
    // Commander has printed the message. `--help` and `--version` end here too, with the code 0.
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? 0 : WRONG_USAGE;
  } finally {
    clearInterval(alive);
  }
}

/** `http2kafka … | head` closes the output early. That is not an error, and the rest of the output is not needed. */
function endWithReader(): void {
  process.stdout.on('error', (error) => {
    if (errorCode(error) !== 'EPIPE') throw error;
    process.exit();
  });
}

function createProgram(): Command {
  const program = new Command('http2kafka')
    .description('Takes OpenLineage events over HTTP and writes them to Kafka.')
    .version(version)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(withOwners(program, text)) })
    .addHelpText(
      'after',
      '\nWithout a command, http2kafka serves: it takes all options of serve, not only those above.\nAll of them: http2kafka serve --help\nEvery setting, also those without a flag: docs/configuration.md',
    );
  for (const declaration of COMMANDS) addCommand(program, declaration);
  const plainHelp = new Help();
  // After the commands are added, because they would inherit it.
  program.configureHelp({
    visibleOptions: (command) => [
      ...plainHelp.visibleOptions(command),
      ...(command === program ? commonOptions(program) : []),
    ],
  });
  return program;
}

/** Of the options of `serve`, those that the short help of the program shows. */
function commonOptions(program: Command): readonly Option[] {
  const options = program.commands.find((command) => command.name() === serve.name)?.options ?? [];
  return options.filter(({ long }) => long !== undefined && COMMON.includes(long));
}

function addCommand(parent: Command, declaration: CommandDeclaration): void {
  const { name, description, isDefault = false, argument, options = [], commands = [], action } = declaration;
  const { helpAfter } = declaration;
  const command = parent.command(name, { isDefault }).description(description);
  // An unknown command comes to the default command as an argument. Its error then names the nearest command.
  if (isDefault) command.allowExcessArguments();
  if (argument) {
    command.addArgument(new Argument(argument.usage, argument.description).default(argument.default));
  }
  for (const option of options) {
    const { usage, description, required = false } = option;
    command.addOption(new Option(usage, description).default(option.default).makeOptionMandatory(required));
  }
  const load = addSettingFlags(command, declaration.settings, declaration.shortFlags);
  if (helpAfter !== undefined) command.addHelpText('after', `\n${helpAfter}`);
  for (const inner of commands) addCommand(command, inner);
  if (!action) return;
  command.action(async () => {
    if (isDefault) refuseUnknownCommand(parent, command);
    const given = givenOptions(command, options);
    const failed = (message: string, exitCode = 1) => {
      console.error(message);
      if (given.has('--json')) console.log(JSON.stringify({ error: message }));
      return exitCode;
    };
    const code = await action({
      args: command.processedArgs.flat().map(String),
      options: given,
      load,
      settings: (offline) => reported(load(offline), failed),
      failed,
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
function reported(outcome: Loaded | Refused, failed: CommandCall['failed']): Loaded | undefined {
  if (!('errors' in outcome)) return outcome;
  process.exitCode = failed(errorReport(outcome.errors));
  return undefined;
}

function refuseUnknownCommand(parent: Command, { args: [unknown] }: Command): void {
  if (unknown === undefined) return;
  const names = parent.commands.map((command) => command.name());
  if (names.includes(unknown)) {
    parent.error(
      `error: the command '${unknown}' stands after other arguments. Name it before its options: ${pathOf(parent)} ${unknown} …`,
    );
  }
  parent.error(`error: unknown command '${unknown}'.${suggestion(nearestName(unknown, names))}`);
}

/** The error text of an unknown option. If other commands have the option, the text names them. */
function withOwners(program: Command, text: string): string {
  const unknown = /^error: unknown option '(--[^'=]+)/.exec(text)?.[1];
  const owners = unknown === undefined ? [] : commandsOf(program).filter((command) => has(command, unknown));
  if (owners.length === 0) return text;
  const [error] = text.split('\n', 1);
  return `${error}\n(It is an option of ${owners.map(pathOf).join(', ')})\n`;
}

function has(command: Command, flag: string): boolean {
  return command.options.some(({ long }) => long === flag);
}

function commandsOf(command: Command): readonly Command[] {
  return command.commands.flatMap((inner) => [inner, ...commandsOf(inner)]);
}

/** `http2kafka spool export`. */
function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}
