import { errorText } from '../support/error-text.ts';
import { EVENT_FILES, WRONG_USAGE, type CommandDeclaration } from './command.ts';
import type { SendRequest } from './send/send-files.ts';

const REFUSED_FILE = 'refused.jsonl';

/** `http2kafka send FILE… --url URL`: posts events of files to an OpenLineage endpoint. */
export const send: CommandDeclaration = {
  name: 'send',
  description: 'post events from files to an OpenLineage endpoint: http2kafka, Marquez or another',
  argument: EVENT_FILES,
  options: [
    {
      usage: '--url <url>',
      description: 'the endpoint. Without a path: /api/v1/lineage',
      required: true,
    },
    {
      usage: '--api-key-file <file>',
      description: 'a file with the API key or token, sent as Authorization: Bearer',
    },
    { usage: '--ca <file>', description: 'certificates (PEM) to trust in place of those of the system' },
    {
      usage: '--connections <n>',
      description: 'requests at once; the events of a run keep their order',
      default: '8',
    },
    { usage: '--rate <n>', description: 'most events a second' },
    {
      usage: '--attempts <n>',
      description: 'attempts for an event while the endpoint is unavailable',
      default: '10',
    },
    { usage: '--timeout <seconds>', description: 'how long to wait for an answer', default: '30' },
    { usage: '--journal <file>', description: 'note what is sent, and go on behind it when called again' },
    {
      usage: '--refused <file>',
      description: 'where refused events go, with the reason',
      default: REFUSED_FILE,
    },
    { usage: '--json', description: 'print the result as JSON' },
  ],
  helpAfter:
    'Exit codes: 0 no event is refused, 1 an event is refused, or the sending has stopped before its end, 2 wrong arguments.',
  action: async ({ args, options, failed }) => {
    const numbers = numbersOf(options);
    const url = urlOf(options.get('--url') ?? '');
    if (typeof numbers === 'string' || typeof url === 'string') {
      const errors = [numbers, url].filter((error) => typeof error === 'string');
      return failed(errors.map((error) => `error: ${error}`).join('\n'), WRONG_USAGE);
    }
    try {
      const { sendFiles } = await import('./send/send-files.ts');
      return await sendFiles(args, {
        url,
        ...numbers,
        apiKeyFile: options.get('--api-key-file'),
        caFile: options.get('--ca'),
        journalFile: options.get('--journal'),
        refusedFile: options.get('--refused') ?? REFUSED_FILE,
        isJson: options.has('--json'),
      });
    } catch (error) {
      return failed(`http2kafka send: ${errorText(error)}`);
    }
  },
};

type Numbers = Pick<SendRequest, 'connections' | 'rate' | 'attempts' | 'timeoutMs'>;

/** The most connections: more help no endpoint, and a mistyped number must not use up the ports of the machine. */
const MAX_CONNECTIONS = 1000;

function numbersOf(options: ReadonlyMap<string, string>): Numbers | string {
  const valueOf = (name: string) => Number(options.get(name));
  const isCount = (name: string, most: number) =>
    Number.isInteger(valueOf(name)) && valueOf(name) >= 1 && valueOf(name) <= most;
  if (!isCount('--connections', MAX_CONNECTIONS))
    return `--connections is a number from 1 to ${MAX_CONNECTIONS}`;
  if (!isCount('--attempts', 1000)) return '--attempts is a number from 1 to 1000';
  if (!(valueOf('--timeout') > 0 && valueOf('--timeout') <= 3600))
    return '--timeout is above 0 and at most 3600 seconds';
  const rate = options.has('--rate') ? valueOf('--rate') : undefined;
  if (rate !== undefined && !(rate > 0)) return '--rate is a number above 0';
  return {
    rate,
    connections: valueOf('--connections'),
    attempts: valueOf('--attempts'),
    timeoutMs: valueOf('--timeout') * 1000,
  };
}

function urlOf(text: string): URL | string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol)) {
    return `--url is an address such as http://localhost:8002, not ${JSON.stringify(text)}`;
  }
  if (url.username !== '' || url.password !== '') return '--url has credentials. Use --api-key-file';
  if (url.pathname === '/') url.pathname = '/api/v1/lineage';
  return url;
}
