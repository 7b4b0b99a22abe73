import { WRONG_USAGE, type CommandDeclaration } from './command.ts';
import type { Finding } from './check-config/finding.ts';
import { errorReport } from '../config/configuration-error.ts';
import type { Loaded } from '../config/load.ts';
import { HIDDEN, shownSettings } from '../config/shown-settings.ts';

/** The exit code for a good configuration with which the proxy could not do its work: what it connects to is not good. */
const NOT_USABLE = 3;

/** `http2kafka check-config`: prints the settings of the proxy, or everything that would stop it. */
export const checkConfig: CommandDeclaration = {
  name: 'check-config',
  description: 'show the settings that the proxy would use, or all that would keep it from its work',
  options: [
    {
      usage: '--connect',
      description:
        'also ask the brokers and other services, for 10 s at most: logins, topics, rights, limits',
    },
    { usage: '--create', description: 'with --connect: make the topics that are missing' },
    { usage: '--json', description: 'print the findings and the settings as one JSON object' },
  ],
  settings: 'all',
  helpAfter:
    'It changes nothing, except that --create makes topics. It may run beside the proxy.\n' +
    'Exit codes: 0 the proxy can start and work (there may be warnings), 1 it would not start,\n' +
    '2 wrong arguments, 3 only with --connect: it would start, but could not do its work.',
  action: async ({ load, options, failed }) => {
    const isConnect = options.has('--connect');
    if (options.has('--create') && !isConnect) return failed('--create needs --connect', WRONG_USAGE);
    const isJson = options.has('--json');
    const outcome = load(false);
    const { findStartProblems, findWarnings } = await import('./check-config/start-problems.ts');
    const errors = 'errors' in outcome ? outcome.errors : await findStartProblems(outcome.settings);
    if ('errors' in outcome || errors.length > 0) {
      const findings = errors.map(({ place, message }): Finding => ({ severity: 'error', place, message }));
      if (isJson) printJson(1, findings, 'errors' in outcome ? undefined : outcome);
      else console.error(errorReport(errors));
      return 1;
    }
    const findings = [
      ...(await findWarnings(outcome.settings)),
      ...(isConnect ? await connections(outcome, options.has('--create')) : await unknownNames(outcome)),
    ];
    const isUsable = findings.every(({ severity }) => severity !== 'error');
    const code = isUsable ? 0 : NOT_USABLE;
    if (isJson) printJson(code, findings, outcome);
    else await printText(findings, outcome, isConnect);
    return code;
  },
};

async function connections({ settings }: Loaded, create: boolean): Promise<readonly Finding[]> {
  const { checkConnections } = await import('./check-config/connect.ts');
  return checkConnections(settings, create);
}

async function unknownNames({ settings }: Loaded): Promise<readonly Finding[]> {
  const { findUnknownNames } = await import('./check-config/host-names.ts');
  return findUnknownNames(settings);
}

async function printText(findings: readonly Finding[], outcome: Loaded, isConnect: boolean): Promise<void> {
  const { lineOf } = await import('./check-config/finding.ts');
  console.log('configuration is valid');
  for (const notice of outcome.notices) console.log(`note: ${notice}`);
  for (const finding of findings) console.log(lineOf(finding));
  if (!isConnect) console.log(effectiveSettings(outcome).join('\n'));
}

/** One object. Its members are in the documentation. */
function printJson(code: number, findings: readonly Finding[], outcome: Loaded | undefined): void {
  const listed = findings.map(({ severity, place, message, advice }) => ({
    severity,
    place,
    message,
    advice: advice ?? null,
  }));
  const notes = outcome?.notices ?? [];
  const settings = outcome ? settingsByName(outcome) : null;
  console.log(JSON.stringify({ exit_code: code, findings: listed, notes, settings }, undefined, 2));
}

function settingsByName(outcome: Loaded): object {
  return Object.fromEntries(
    shownSettings(outcome).map(({ name, value, place }) => [name, { value, place: place ?? null }]),
  );
}

/** A line for each setting, in the form of a configuration file, with the place of every value that is not a default. */
function effectiveSettings(outcome: Loaded): readonly string[] {
  return shownSettings(outcome).map(({ name, value, place }) => {
    const shown = value === HIDDEN ? value : JSON.stringify(value);
    return `${name}: ${shown}${place === undefined ? '' : `  # ${place}`}`;
  });
}
