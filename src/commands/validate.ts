/** `http2kafka validate FILE…`: checks events without sending them, a line for each fault. */
import { readFile } from 'node:fs/promises';
import { checkEvent, checkText } from '../openlineage/check.ts';
import type { CheckLevel } from '../openlineage/event-schema.ts';
import type { ValidationError } from '../openlineage/validation-error.ts';

/** Prints to standard output; returns the exit code: 0 when every event is good, else 1. */
export async function validate(files: readonly string[], level: CheckLevel): Promise<number> {
  let good = 0;
  let bad = 0;
  for (const file of files) {
    for (const { name, event } of await readEvents(file)) {
      const errors = Buffer.isBuffer(event) ? errorsOf(event, level) : [event];
      if (errors.length === 0) good += 1;
      else bad += 1;
      for (const fault of errors) console.log(`${name}: ${fault}`);
    }
  }
  console.log(`${good} good, ${bad} bad (level ${level})`);
  return bad === 0 ? 0 : 1;
}

interface NamedEvent {
  /** The file, and the place in it when it holds an array. */
  readonly name: string;
  /** The bytes of the event, or why there are none. */
  readonly event: Buffer | string;
}

/** One event, or each element of an array as the batch path takes it. */
async function readEvents(file: string): Promise<NamedEvent[]> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    return [{ name: file, event: error instanceof Error ? error.message : String(error) }];
  }
  const { elements } = checkText(bytes);
  if (!elements) return [{ name: file, event: bytes }];
  const events: NamedEvent[] = [];
  for (let i = 0; i + 1 < elements.length; i += 2) {
    events.push({ name: `${file}[${i / 2}]`, event: bytes.subarray(elements[i], elements[i + 1]) });
  }
  return events;
}

function errorsOf(event: Buffer, level: CheckLevel): string[] {
  const { errors = [] } = checkEvent(event, level);
  return errors.map(({ location, message }: ValidationError) => `${location.join('.')}: ${message}`);
}
