import { createHash, randomBytes } from 'node:crypto';
import { fstatSync, readlinkSync } from 'node:fs';
import { WRONG_USAGE, type CommandCall, type CommandDeclaration } from './command.ts';

const JSON_OPTION = { usage: '--json', description: 'print one JSON object' };

/** `http2kafka token`: makes and explains the credentials of senders. */
export const token: CommandDeclaration = {
  name: 'token',
  description: 'make and explain the credentials of senders',
  commands: [
    {
      name: 'issue',
      description: "make and print a personal token, as Data.Rentgen's UI does",
      options: [
        { usage: '--user-id <number>', description: "the user's id in Data.Rentgen", required: true },
        {
          usage: '--user <name>',
          description: "the user's name in Data.Rentgen, which records contain",
          required: true,
        },
        { usage: '--name <name>', description: 'a name for the token', required: true },
        {
          usage: '--days <days>',
          description: 'lifetime in days (default: auth.personal_tokens.max_duration_days)',
        },
        {
          usage: '--scope <scopes>',
          description: 'scopes, with spaces between them',
          default: 'all:read all:write',
        },
        {
          usage: '--register',
          description:
            "make the token's row in Data.Rentgen's database (database.url); without the row, the token counts as revoked",
        },
        JSON_OPTION,
      ],
      settings: [],
      action: async ({ options, settings, failed }) => {
        const loaded = settings(true);
        if (!loaded) return 1;
        const { issueToken } = await import('./token/issue.ts');
        const token = {
          userId: options.get('--user-id') ?? '',
          user: options.get('--user') ?? '',
          name: options.get('--name') ?? '',
          days: options.get('--days'),
          scope: options.get('--scope') ?? '',
        };
        const how = { isRegistered: options.has('--register'), isJson: options.has('--json') };
        return issueToken(token, loaded.settings, how, failed);
      },
    },
    {
      name: 'inspect',
      description: 'explain a personal token, access token or API key, and whether the proxy accepts it',
      argument: {
        usage: '[token]',
        description:
          'the token; - reads it from standard input, because other users of the machine can see arguments',
        default: '-',
      },
      options: [JSON_OPTION],
      settings: [],
      action: async ({ args: [given = '-'], options, settings, failed }) => {
        const loaded = settings(true);
        if (!loaded) return 1;
        const { inspectToken } = await import('./token/inspect.ts');
        return inspectToken(given, loaded.settings, options.has('--json'), failed);
      },
    },
    {
      name: 'key',
      description: 'make an API key: print it, and on standard error its entry, for 2>> senders.yaml',
      argument: { usage: '<name>', description: 'the sender' },
      options: [JSON_OPTION],
      action: makeApiKey,
    },
    {
      name: 'page-user',
      description: 'make a user of the page at /: print the password, and on standard error the setting',
      argument: { usage: '<name>', description: 'the user' },
      action: async ({ args: [name = ''] }) => {
        const { makePageUser } = await import('./token/page-user.ts');
        return makePageUser(name);
      },
    },
  ],
};

/**
 * Prints a new API key, which is the only line on standard output. The entry for the senders file goes to standard error.
 * It is YAML, all else there is a comment, so that `2>> senders.yaml` appends it. With `--json` the key is in an object.
 * Returns the exit code.
 */
function makeApiKey({ args: [name = ''], options, failed }: CommandCall): number {
  const isJson = options.has('--json');
  if (name === '' || name.length > 256) return failed('a name has 1 to 256 characters', WRONG_USAGE);
  const file = isJson ? undefined : outputFile();
  if (file !== undefined && /\.(?:ya?ml|json)$/i.test(file)) {
    return failed(
      `standard output is the key itself, and ${file} would store it. ` +
        `The entry is on standard error: http2kafka token key ${name} 2>> ${file}`,
      WRONG_USAGE,
    );
  }
  // 256 bits. People and secret scanners recognize a lost key by its prefix.
  const key = `h2k_${randomBytes(32).toString('base64url')}`;
  const hash = createHash('sha256').update(key).digest('hex');
  console.log(isJson ? JSON.stringify({ name, key, sha256: hash }) : key);
  // A JSON string is a YAML string, so quotes make every name safe.
  const yamlName =
    /^[A-Za-z][\w.-]*$/.test(name) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(name)
      ? name
      : JSON.stringify(name);
  console.error('# An entry for the senders file (auth.senders_file), below `senders:`.');
  console.error('# The key is stored nowhere: give it to its sender now.');
  console.error(`  - name: ${yamlName}\n    api_keys: ['sha256:${hash}']`);
  return 0;
}

/** The path of the file that standard output is redirected to; undefined where it is no file, or without `/proc`. */
function outputFile(): string | undefined {
  try {
    return fstatSync(1).isFile() ? readlinkSync('/proc/self/fd/1') : undefined;
  } catch {
    return undefined;
  }
}
