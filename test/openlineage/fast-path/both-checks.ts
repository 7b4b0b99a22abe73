import assert from 'node:assert/strict';
import { checkFully, checkTextFully } from '../../../src/openlineage/full-check.ts';
import { scanArray, scanEvent } from '../../../src/openlineage/scanner.ts';

/** What happens to an event: the fast path accepts it, only the full check accepts it, or both refuse it. */
export type Outcome = 'fast path' | 'full check' | 'refused';

/** Fails when the fast path accepts a text that the full check refuses, or when their results differ. */
export function outcomeOf(text: Buffer | string): Outcome {
  const bytes = Buffer.from(text);
  assertSameElements(bytes);
  if (fastPathAccepts(bytes)) return 'fast path';
  return checkFully(bytes, 'core').event ? 'full check' : 'refused';
}

/**
 * True when the fast path accepts a text. Fails like `outcomeOf`, but skips the full check of texts that the fast path
 * refuses: this saves time in tests with thousands of texts.
 */
export function fastPathAccepts(bytes: Buffer): boolean {
  const event = scanEvent(bytes);
  if (!event) return false;
  for (const level of ['core', 'routing'] as const) {
    const verdict = checkFully(bytes, level);
    // An `assert.ok` would build this long message for every text.
    if (!verdict.event) {
      assert.fail(`only the fast path accepts ${excerptOf(bytes)}: ${JSON.stringify(verdict.errors)}`);
    }
    assert.deepEqual(event, verdict.event, level);
  }
  return true;
}

/** True when the fast path finds the elements of an array. Fails when the full check finds others, or refuses it. */
export function assertSameElements(bytes: Buffer): boolean {
  const elements = scanArray(bytes)?.elements;
  if (!elements) return false;
  const verdict = checkTextFully(bytes);
  if (verdict.errors) {
    assert.fail(`only the fast path accepts ${excerptOf(bytes)}: ${JSON.stringify(verdict.errors)}`);
  }
  assert.deepEqual([...elements], verdict.elements && [...verdict.elements]);
  return true;
}

/** An event as JSON; these bytes replace its only value "HERE". */
export function withText(event: object, text: Buffer | string): Buffer {
  return replaced(event, '"HERE"', text);
}

/** The same, but the bytes stand between the quotes: HERE may be a key, or part of a text. */
export function withinText(event: object, text: Buffer | string): Buffer {
  return replaced(event, 'HERE', text);
}

function replaced(event: object, place: string, text: Buffer | string): Buffer {
  const [before, behind, ...more] = JSON.stringify(event).split(place);
  if (before === undefined || behind === undefined || more.length > 0)
    throw new Error(`the event must have ${place} exactly once`);
  return Buffer.concat([Buffer.from(before), Buffer.from(text), Buffer.from(behind)]);
}

export function excerptOf(bytes: Buffer): string {
  const text = JSON.stringify(bytes.toString('latin1'));
  return text.length <= 600 ? text : `${text.slice(0, 600)}… of ${bytes.length} bytes`;
}
