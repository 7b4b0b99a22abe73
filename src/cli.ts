import { Command, CommanderError, Option } from 'commander';
import type { IssueOptions } from './commands/token.ts';
import { catalog } from './config/catalog.ts';
import type { Flag, Setting } from './config/schema/declaration.ts';
import { readEnvironment } from './config/sources/environment.ts';
import { errorReport } from './config/configuration-error.ts';
import type { FlagValue } from './config/sources/source.ts';
import { written } from './config/schema/kind.ts';
import { loadSettings, type Inputs, type Loaded, type Refused } from './config/load.ts';
import { nearestName, suggestion } from './config/nearest-name.ts';
import { version } from './version.ts';

const wrongUsage = 2;

/** Flags as they are met, by name: of two that contradict each other the last given stands last. */
type GivenFlags = Map<string, FlagValue>;

/**
 * Runs the command that the arguments name (those after the script's path) and sets the exit code: 1 when a command
 * fails or a setting is wrong, 2 when the arguments make no sense.
 */
export async function run(args: readonly string[]): Promise<void> {
  try {
    await createProgram().parseAsync(args, { from: 'user' });
  } catch (error) {
    // What went wrong has been said; `--help` and `--version` come this way too, with 0.
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? 0 : wrongUsage;
  }
}

function createProgram(): Command {
  const given: GivenFlags = new Map();
  const program = new Command('http2kafka')
    .description('Takes OpenLineage events over HTTP and writes them to Kafka.')
    .version(version)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .option('--config <file>', 'YAML or JSON file with settings')
    .option('--env-file <file>', 'file with environment variables; the environment wins over it')
    .addHelpText('after', '\nEvery setting, also those without a flag: docs/configuration.md');
  for (const setting of catalog.values()) addFlags(program, setting, given);

  const load = (offline = false) => loadSettings({ ...inputsOf(program, given), offline });
  // The commands are loaded when they are called for, so that help and a wrong flag are answered at once.
  program
    .command('serve', { isDefault: true })
    .description('run the proxy')
    // Whatever is no command comes here, this being the default; to say so is better than to count arguments.
    .allowExcessArguments()
    .action(async (_, command: Command) => {
      refuseUnknownCommand(program, command);
      const loaded = report(load());
      if (!loaded) return;
      const { serve } = await import('./commands/serve.ts');
      await serve(loaded.settings, loaded.notices);
    });
  program
    .command('check-config')
    .description('show the settings that the proxy would run on, or all that is wrong with them')
    .action(async () => {
      const { checkConfig } = await import('./commands/check-config.ts');
      process.exitCode = checkConfig(load());
    });
  program
    .command('validate')
    .description('check files of events as the proxy would, without Kafka')
    .argument('<file...>', 'files of one event, or of a JSON array of events')
    .action(async (files: readonly string[]) => {
      const loaded = report(load(true));
      if (!loaded) return;
      const { validate } = await import('./commands/validate.ts');
      process.exitCode = await validate(files, loaded.settings.check.level);
    });
  const spool = program.command('spool').description('what is kept on disk and not in Kafka yet');
  spool
    .command('show', { isDefault: true })
    .description('how much there is of each topic, and since when')
    .action(async () => {
      const loaded = report(load(true));
      if (!loaded) return;
      const { showSpool } = await import('./commands/spool.ts');
      process.exitCode = await showSpool(loaded.settings.spool.path);
    });
  spool
    .command('export')
    .description('write it to standard output, a JSON object a line')
    .option('--topic <topic>', 'only this one')
    .action(async ({ topic }: { readonly topic?: string }) => {
      const loaded = report(load(true));
      if (!loaded) return;
      const { exportSpool } = await import('./commands/spool.ts');
      process.exitCode = await exportSpool(loaded.settings.spool.path, topic);
    });
  addTokenCommands(program, () => report(load(true)));
  return program;
}

function addTokenCommands(program: Command, load: () => Loaded | undefined): void {
  const token = program.command('token').description('make and explain what senders show to be known');
  token
    .command('issue')
    .description("make a personal token, as Data.Rentgen's UI does, and print it")
    .requiredOption('--user-id <number>', "the user's id in Data.Rentgen")
    .requiredOption('--user <name>', "the user's name there, which records carry")
    .requiredOption('--name <name>', 'a name for the token')
    .option('--days <days>', 'how long it is good (default: auth.personal_tokens.max_duration_days)')
    .option('--scope <scopes>', 'what it is for, with spaces between', 'all:read all:write')
    .option(
      '--register',
      "make its row in Data.Rentgen's database (database.url), without which it counts as revoked",
    )
    .action(async (options: IssueOptions) => {
      const loaded = load();
      if (!loaded) return;
      const { issueToken } = await import('./commands/token.ts');
      process.exitCode = await issueToken(options, loaded.settings);
    });
  token
    .command('inspect')
    .description('show what a personal token says, and what the proxy would say of it')
    .argument('[token]', 'the token; - for standard input, as others on this machine can see arguments', '-')
    .action(async (given: string) => {
      const loaded = load();
      if (!loaded) return;
      const { inspectToken } = await import('./commands/token.ts');
      process.exitCode = await inspectToken(given, loaded.settings);
    });
  token
    .command('key')
    .description('make an API key: print it, and its lines for the file of senders')
    .argument('<name>', 'the sender')
    .action(async (name: string) => {
      const { makeApiKey } = await import('./commands/token.ts');
      process.exitCode = makeApiKey(name);
    });
}

function inputsOf(program: Command, flags: GivenFlags): Inputs {
  const { config, envFile } = program.opts<{ readonly config?: string; readonly envFile?: string }>();
  return { flags, environment: readEnvironment(), envFile, configFile: config };
}

/** Says what is wrong, if anything is, and leaves the exit code for it. */
function report(outcome: Loaded | Refused): Loaded | undefined {
  if (!('errors' in outcome)) return outcome;
  console.error(errorReport(outcome.errors));
  process.exitCode = 1;
  return undefined;
}

/** The flags of a setting. Their values are judged with those of the other sources, so commander only collects them. */
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

function refuseUnknownCommand(program: Command, { args: [unknown] }: Command): void {
  if (unknown === undefined) return;
  const names = program.commands.map((command) => command.name());
  program.error(`error: unknown command '${unknown}'.${suggestion(nearestName(unknown, names))}`);
}
