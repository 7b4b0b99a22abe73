/**
 * The check: from the bytes of a body to what the rest of the house needs to know of an event, or to the list of
 * everything that is wrong with it. Two lanes: a fast one for what is surely good, and one that explains.
 */
import type { CheckLevel } from './event-schema.ts';
import { explainEvent, explainText } from './full-check.ts';
import { scanArray, scanEvent } from './fast-path.ts';
import type { TextVerdict, Verdict } from './verdict.ts';

/** Judges one event. Never throws: whatever the bytes are, it is an event or a list of errors. */
export function checkEvent(bytes: Buffer, level: CheckLevel): Verdict {
  // What is good at level `core` is so at `routing`, which demands less and finds the same.
  const event = scanEvent(bytes);
  return event ? { path: 'fast_path', event } : explainEvent(bytes, level);
}

/** Looks at a batch's body as JSON text only: UTF-8, no byte order mark, the grammar, and the limits of `json-scan.ts`. */
export function checkText(bytes: Buffer): TextVerdict {
  const elements = scanArray(bytes);
  return elements ? { elements } : explainText(bytes);
}
