/** `http2kafka dead-letters list`: which letters there are, and why. */
import { printable } from '../../support/printable.ts';
import { WRONG_USAGE, type CommandCall } from '../command.ts';
import { tableOf } from '../table.ts';
import { withTopic, type OpenTopic } from './cluster.ts';
import { jobText, letterOf, summaryOf, timeText, type Letter } from './letter.ts';
import { selectionOf, startsOf, type Selection } from './selection.ts';

/** Letters of one table: its columns are as wide as these need. */
const TABLE_ROWS = 500;

/** Characters of a reason, a sender or a job in the table. `show` has all of them. */
const MAX_TEXT = 100;

/** Returns the exit code. */
export async function list(call: CommandCall): Promise<number> {
  const limit = Number(call.options.get('--limit'));
  if (!Number.isInteger(limit) || limit < 0) {
    return call.failed('error: --limit is a whole number, 0 for all', WRONG_USAGE);
  }
  const selection = selectionOf(call.options);
  if (typeof selection === 'string') return call.failed(`error: ${selection}`, WRONG_USAGE);
  return withTopic(call, (topic) =>
    listLetters(topic, selection, limit === 0 ? Number.POSITIVE_INFINITY : limit, call),
  );
}

async function listLetters(
  { reader, ranges }: OpenTopic,
  selection: Selection,
  limit: number,
  { options }: CommandCall,
): Promise<number> {
  const isJson = options.has('--json');
  let rows: Letter[] = [];
  let shown = 0;
  let isCut = false;
  for await (const record of reader.read(await startsOf(reader, ranges, selection))) {
    const letter = letterOf(record);
    if (!selection.matches(letter)) continue;
    if (shown === limit) {
      isCut = true;
      break;
    }
    shown += 1;
    if (isJson) console.log(JSON.stringify(summaryOf(letter)));
    else {
      rows.push(letter);
      if (rows.length === TABLE_ROWS) rows = printed(rows);
    }
  }
  if (rows.length > 0) printed(rows);
  if (shown === 0) console.error(`No letter in ${reader.topic}${isAll(selection) ? '' : ' fits'}.`);
  if (isCut) console.error(`There are more: --limit 0 lists all.`);
  return 0;
}

function isAll({ since, until }: Selection): boolean {
  return since === undefined && until === undefined;
}

/** Prints a table. Returns the rows that are left: none. */
function printed(letters: readonly Letter[]): Letter[] {
  const rows = letters.map(({ id, timestamp, cause, sender, job }) => [
    id,
    timeText(timestamp),
    cause.kind,
    cut(sender ?? '-'),
    cut(jobText(job) ?? '-'),
    cut(cause.reason),
  ]);
  console.log(tableOf([['id', 'time', 'kind', 'sender', 'job', 'reason'], ...rows]));
  return [];
}

function cut(text: string): string {
  return printable(text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text);
}
