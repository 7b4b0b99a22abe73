import { readFile } from 'node:fs/promises';
import type { CommandDeclaration } from './command.ts';
import type { CheckLevel } from '../openlineage/event-schema.ts';
import type { ValidationError } from '../openlineage/validation-error.ts';
import { errorText } from '../support/error-text.ts';

/** `http2kafka validate FILE…`: checks events without sending them, and prints a line for each validation error. */
export const validate: CommandDeclaration = {
  name: 'validate',
  description: 'check files of events as the proxy does, without Kafka',
  argument: { usage: '<file...>', description: 'files with one event, or with a JSON array of events' },
  settings: ['check.level'],
  action: async ({ args, settings }) => {
    const loaded = settings(true);
    return loaded ? validateFiles(args, loaded.settings.check.level) : 1;
  },
};

/** Prints to standard output. Returns the exit code: 0 when every event is valid, else 1. */
async function validateFiles(files: readonly string[], level: CheckLevel): Promise<number> {
  const { checkEvent } = await import('../openlineage/check.ts');
  let good = 0;
  let bad = 0;
  for (const file of files) {
    for (const { name, event } of await readEvents(file)) {
      const errors = Buffer.isBuffer(event) ? (checkEvent(event, level).errors ?? []).map(lineOf) : [event];
      if (errors.length === 0) good += 1;
      else bad += 1;
      for (const error of errors) console.log(`${name}: ${error}`);
    }
  }
  console.log(`${good} good, ${bad} bad (level ${level})`);
  return bad === 0 ? 0 : 1;
}

interface NamedEvent {
  /** The file, with the index of the event where the file contains an array. */
  readonly name: string;
  /** The bytes of the event, or the reason why there are none. */
  readonly event: Buffer | string;
}

/** The event of a file, or each element of its array, divided as the batch endpoint does. */
async function readEvents(file: string): Promise<NamedEvent[]> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    return [{ name: file, event: errorText(error) }];
  }
  const { checkText } = await import('../openlineage/check.ts');
  const { elements } = checkText(bytes);
  if (!elements) return [{ name: file, event: bytes }];
  const events: NamedEvent[] = [];
  for (let i = 0; i + 1 < elements.length; i += 2) {
    events.push({ name: `${file}[${i / 2}]`, event: bytes.subarray(elements[i], elements[i + 1]) });
  }
  return events;
}

function lineOf({ location, message }: ValidationError): string {
  return `${location.join('.')}: ${message}`;
}
