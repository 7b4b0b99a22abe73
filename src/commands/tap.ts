/** `http2kafka tap`: shows what becomes of events while they arrive, from the running proxy. */
import { once } from 'node:events';
import { stripVTControlCharacters } from 'node:util';
import { errorText } from '../support/error-text.ts';
import { filterNames, placeText } from '../page/outcome-row.ts';
import { printable } from '../support/printable.ts';
import { WRONG_USAGE, type CommandCall, type CommandDeclaration } from './command.ts';

const MOST_LAST = 2000;

export const tap: CommandDeclaration = {
  name: 'tap',
  description: 'show what becomes of events while they arrive at the running proxy',
  options: [
    { usage: '--job <text>', description: 'only jobs with this text in their name' },
    { usage: '--namespace <text>', description: 'only namespaces with this text' },
    { usage: '--sender <text>', description: 'only senders with this text in their name' },
    {
      usage: '--outcome <outcome>',
      description:
        'only this outcome: kafka, spool, dead-letter, dropped, an error code; taken or refused for all of their kind',
    },
    { usage: '--text <text>', description: 'only lines with this text: a run, a request id, a reason' },
    {
      usage: '--last <number>',
      description: `begin with so many of the last outcomes, at most ${MOST_LAST}`,
      default: '10',
    },
    { usage: '--once', description: 'end after these' },
    { usage: '--json', description: 'write a JSON object a line' },
  ],
  settings: ['spool.path'],
  helpAfter:
    'It reads from the socket in the spool folder, as the owner of the folder or root.\n' +
    'Exit codes: 0 the proxy has ended, 1 no proxy runs with the folder, 2 wrong arguments.',
  action: async (call) => {
    const last = call.options.get('--last') ?? '';
    if (!/^\d+$/.test(last) || Number(last) > MOST_LAST) {
      return call.failed(`--last is a number up to ${MOST_LAST}`, WRONG_USAGE);
    }
    const loaded = call.settings(true);
    return loaded ? follow(loaded.settings.spool.path, Number(last), call) : 1;
  },
};

async function follow(path: string, last: number, { options, failed }: CommandCall): Promise<number> {
  const query = new URLSearchParams({ last: String(last) });
  for (const name of filterNames) query.set(name, options.get(`--${name}`) ?? '');
  const { NoProxy, tapThroughProxy } = await import('../proxy/control/control-client.ts');
  const isJson = options.has('--json');
  if (options.has('--once')) query.set('follow', 'no');
  try {
    for await (const line of tapThroughProxy(path, query)) {
      if (!process.stdout.write(`${isJson ? line : shownLine(line)}\n`)) await once(process.stdout, 'drain');
    }
    return 0;
  } catch (error) {
    if (error instanceof NoProxy) return failed(`No proxy runs with the spool folder ${path}.`);
    return failed(`The proxy cannot be reached: ${errorText(error)}`);
  }
}

/** A line for people: time, outcome, sender, event, job, run, topic, size, how long it took, and what is wrong. */
function shownLine(line: string): string {
  const row: unknown = JSON.parse(line);
  if (typeof row !== 'object' || row === null) return line;
  const of = new Map<string, unknown>(Object.entries(row));
  const text = (name: string) => {
    const value = of.get(name);
    return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  };
  const number = (name: string) => {
    const value = of.get(name);
    return typeof value === 'number' ? value : undefined;
  };
  if (of.has('skipped')) return `… ${text('skipped')} more`;
  const deviations = of.get('deviations');
  const parts = [
    text('time').slice(11, 23),
    text('outcome').padEnd(11),
    text('sender') || '-',
    text('type') || text('kind'),
    [text('namespace'), text('job')].filter((part) => part !== '').join(' / ') || '-',
    text('run'),
    placeText(text('topic'), number('partition'), number('offset')) ?? '',
    text('bytes') && `${text('bytes')} B`,
    text('took_ms') && `${text('took_ms')} ms`,
    Array.isArray(deviations) ? deviations.join(',') : '',
    text('reason'),
  ];
  const shown = parts.filter((part) => part !== '').join('  ');
  return printable(stripVTControlCharacters(shown));
}
