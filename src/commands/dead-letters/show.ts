/** `http2kafka dead-letters show ID…`: everything of single letters, their events included. It is for the operator's own terminal. */
import { isUtf8 } from 'node:buffer';
import { member } from '../../openlineage/json.ts';
import { printable } from '../../support/printable.ts';
import { WRONG_USAGE, type CommandCall } from '../command.ts';
import { withTopic, type OpenTopic } from './cluster.ts';
import { letterOf, summaryOf, timeText, type Letter } from './letter.ts';

/** Returns the exit code. */
export async function show(call: CommandCall): Promise<number> {
  const places: Place[] = [];
  for (const id of call.args) {
    const place = placeOf(id);
    if (!place) {
      return call.failed(
        `error: the id of a letter is its partition and its offset, such as 0/12, not ${JSON.stringify(id)}`,
        WRONG_USAGE,
      );
    }
    places.push(place);
  }
  return withTopic(call, async (topic) => {
    let missing = 0;
    for (const place of places) {
      const letter = await letterAt(topic, place);
      if (!letter) {
        missing += 1;
        call.failed(
          `There is no letter ${place.partition}/${place.offset} in ${topic.reader.topic}. Retention may have removed it.`,
        );
      } else if (call.options.has('--json')) console.log(JSON.stringify(wholeOf(letter)));
      else for (const line of linesOf(letter)) console.log(line);
    }
    return missing === 0 ? 0 : 1;
  });
}

interface Place {
  readonly partition: number;
  readonly offset: number;
}

function placeOf(id: string): Place | undefined {
  const [, partition, offset] = /^(\d+)\/(\d+)$/.exec(id) ?? [];
  return partition === undefined || offset === undefined
    ? undefined
    : { partition: Number(partition), offset: Number(offset) };
}

async function letterAt(
  { reader, ranges }: OpenTopic,
  { partition, offset }: Place,
): Promise<Letter | undefined> {
  const range = ranges.find((one) => one.partition === partition);
  if (!range || offset < range.start || offset >= range.end) return undefined;
  for await (const record of reader.read([{ partition, from: offset, end: offset + 1 }])) {
    return letterOf(record);
  }
  return undefined;
}

/** The letter for programs. Its event is text, or base64 where the bytes are not UTF-8, so that no byte is lost. */
function wholeOf(letter: Letter): object {
  const { key, value, headers, cause } = letter;
  return {
    ...summaryOf(letter),
    key: key?.toString() ?? null,
    headers: headers.map(({ name, value: content }) => [name.toString(), content.toString()]),
    errors: errorsOf(cause.details),
    ...eventOf(value),
  };
}

function eventOf(value: Buffer | null): object {
  if (value === null) return { event: null };
  return isUtf8(value) ? { event: value.toString() } : { event_base64: value.toString('base64') };
}

function errorsOf(details: string | undefined): readonly unknown[] {
  try {
    const errors: unknown = JSON.parse(details ?? '[]');
    return Array.isArray(errors) ? errors : [];
  } catch {
    return [];
  }
}

function linesOf({ id, timestamp, cause, key, value, headers }: Letter): readonly string[] {
  const errors = errorsOf(cause.details).map((error) => {
    const location = member(error, 'location');
    const where = Array.isArray(location) ? location.join('.') : '';
    return printable(`  ${where}: ${String(member(error, 'message'))} (${String(member(error, 'code'))})`);
  });
  return [
    `letter ${id}, ${timeText(timestamp)}`,
    `why: ${cause.kind}: ${printable(cause.reason)}`,
    ...(errors.length > 0 ? ['validation errors:', ...errors] : []),
    `key: ${key === null ? 'none' : printable(key.toString())}`,
    ...(headers.length > 0 ? ['headers:'] : []),
    ...headers.map(({ name, value: content }) => printable(`  ${name.toString()}: ${content.toString()}`)),
    `event, ${value?.length ?? 0} bytes:`,
    ...eventLines(value),
    '',
  ];
}

/** The event with a member a line, so that a reader finds the place of an error; as it is if it is no JSON. */
function eventLines(value: Buffer | null): readonly string[] {
  if (value === null) return [];
  const text = value.toString();
  try {
    return JSON.stringify(JSON.parse(text), null, 2).split('\n').map(printable);
  } catch {
    return text.split('\n').map(printable);
  }
}
