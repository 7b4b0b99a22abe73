import assert from 'node:assert/strict';
import { checkFully, checkTextFully } from '../../../src/openlineage/full-check.ts';
import { textPool } from '../../../src/openlineage/scanner-module.ts';
import { scanArray, scanEvent } from '../../../src/openlineage/scanner.ts';
import type { CheckedEvent } from '../../../src/openlineage/verdict.ts';
import { withTexts } from '../events.ts';
import { blockOf } from '../../../src/support/memory/byte-pool.ts';

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
  assertSameInPool(bytes, event);
  if (!event) return false;
  for (const level of ['core', 'routing'] as const) {
    const verdict = checkFully(bytes, level);
    // An `assert.ok` would build this long message for every text.
    if (!verdict.event) {
      assert.fail(`only the fast path accepts ${excerptOf(bytes)}: ${JSON.stringify(verdict.errors)}`);
    }
    assert.deepEqual(withTexts(bytes, event), withTexts(bytes, verdict.event), level);
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

const MAX_POOLED = 16 * 1024 * 1024;
const ELEMENTS = ['{"a":[1,"]"]}', ' null '];

/** Fails when the scanner finds another event where the text lies in the pool: alone, or as an element of a batch. */
function assertSameInPool(bytes: Buffer, event: CheckedEvent | undefined): void {
  if (bytes.length > MAX_POOLED) return;
  const wanted = event && withTexts(bytes, event);
  const resultOf = (text: Buffer, found: CheckedEvent | undefined) => found && withTexts(text, found);
  assert.deepEqual(
    inPool(bytes, (pooled) => resultOf(pooled, scanEvent(pooled))),
    wanted,
    'in the pool',
  );
  const [before = '', behind = ''] = ELEMENTS;
  const batch = Buffer.concat([Buffer.from(`[${before},`), bytes, Buffer.from(`,${behind}]`)]);
  inPool(batch, (pooled) => {
    const array = scanArray(pooled);
    if (array?.count !== ELEMENTS.length + 1) return;
    const [start = 0, end = 0] = array.elements.subarray(2, 4);
    // White space around an element is not its own.
    const element = blockOf(pooled)?.part(pooled, start, end) ?? pooled;
    assert.equal(bytes.toString('latin1').trim(), element.toString('latin1').trim());
    assert.deepEqual(resultOf(element, scanEvent(element)), wanted, 'an element where it is');
    const known = resultOf(element, array.eventAt(1));
    assert.deepEqual(known, wanted, 'an element that was read with its batch');
    for (const other of [0, 2]) assert.equal(array.eventAt(other), undefined);
  });
}

function inPool<Result>(bytes: Buffer, read: (pooled: Buffer) => Result): Result {
  const block = textPool.take(bytes.length);
  assert.ok(block);
  const view = block.view(bytes.length);
  bytes.copy(view);
  try {
    return read(view);
  } finally {
    block.unpin();
  }
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
