import assert from 'node:assert/strict';
import { explainEvent, explainText } from '../../src/openlineage/full-check.ts';
import { scanArray, scanEvent } from '../../src/openlineage/fast-path.ts';

/** Which lane takes an event: already the fast one, the explaining one alone, or none. */
export type Outcome = 'fast' | 'explaining' | 'refused';

/** Fails when the fast lane takes what the explaining one does not, or finds something else in it. */
export function outcomeOf(text: Buffer | string): Outcome {
  const bytes = Buffer.from(text);
  assertArraysAlike(bytes);
  if (isSurelyGood(bytes)) return 'fast';
  return explainEvent(bytes, 'core').event ? 'explaining' : 'refused';
}

/** As `outcomeOf`, but asks the explaining lane only where there is something to compare: for texts by the thousand. */
export function isSurelyGood(bytes: Buffer): boolean {
  const event = scanEvent(bytes);
  if (!event) return false;
  for (const level of ['core', 'routing'] as const) {
    const verdict = explainEvent(bytes, level);
    // The message is long, and nearly never needed.
    if (!verdict.event) {
      assert.fail(`only the fast lane takes ${excerptOf(bytes)}: ${JSON.stringify(verdict.errors)}`);
    }
    assert.deepEqual(event, verdict.event, level);
  }
  return true;
}

/** Fails when the fast lane divides a text otherwise than the explaining one; true when it divides it. */
export function assertArraysAlike(bytes: Buffer): boolean {
  const elements = scanArray(bytes);
  if (!elements) return false;
  const verdict = explainText(bytes);
  if (verdict.errors) {
    assert.fail(`only the fast lane takes ${excerptOf(bytes)}: ${JSON.stringify(verdict.errors)}`);
  }
  assert.deepEqual([...elements], verdict.elements && [...verdict.elements]);
  return true;
}

/** An event as JSON, with these bytes in the place of its one value "HERE". */
export function withText(event: object, text: Buffer | string): Buffer {
  return replaced(event, '"HERE"', text);
}

/** The same, but within the quotes: HERE may be a key, or part of a text. */
export function withinText(event: object, text: Buffer | string): Buffer {
  return replaced(event, 'HERE', text);
}

function replaced(event: object, place: string, text: Buffer | string): Buffer {
  const [before, behind, ...more] = JSON.stringify(event).split(place);
  if (before === undefined || behind === undefined || more.length > 0) throw new Error(`not one ${place}`);
  return Buffer.concat([Buffer.from(before), Buffer.from(text), Buffer.from(behind)]);
}

export function excerptOf(bytes: Buffer): string {
  const text = JSON.stringify(bytes.toString('latin1'));
  return text.length <= 600 ? text : `${text.slice(0, 600)}… of ${bytes.length} bytes`;
}
