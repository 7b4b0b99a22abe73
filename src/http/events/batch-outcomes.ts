/**
 * Collects the outcomes of a batch, and makes its answer: that of OpenLineage's OpenAPI document (`postEventBatch`).
 * Every failed index is named. The reasons of all together are bounded: they get shorter where there are many.
 */
import pLimit from 'p-limit';
import { errorTable, type Refusal } from '../../errors.ts';
import { describeErrors } from '../../openlineage/validation-error.ts';
import { areErrors } from '../../pipeline/refusal-facts.ts';
import { WORK_A_TURN, type Client, type Turns } from '../../support/turns.ts';

/** Characters of all reasons together. Each failure has an equal share. */
const REASON_CHARACTERS = 64 * 1024;

/** The first failures show more: they are enough to see what is wrong. */
const FULL_REASONS = 50;
const FULL_CHARACTERS = 500;

/** A shorter reason says nothing. Then the reason is the error code alone. */
const MIN_CHARACTERS = 48;

/** Failures that are written before others have their turn, and what that costs, for `Turns`. */
const FAILURES_A_SLICE = 1024;
const SLICE_WORK = 8 * 1024;

/**
 * Answers that are made at the same time. Each takes turns, so more would not be faster; and it may have 3 MB, which count
 * only once it is made.
 */
const makeLimit = pLimit(1);

export class BatchOutcomes {
  /** The error code of each element, or undefined. No object for each: 100 batches may have five million failures. */
  readonly #codes: (Refusal['code'] | undefined)[];
  /** The reasons of the first failures. Where there are very many, the others have none: no one reads them. */
  readonly #reasons = new Map<number, string>();
  #failed = 0;
  #retriable = 0;
  #firstRetriable: Refusal | undefined;

  /** `received` is the number of elements. */
  constructor(received: number) {
    this.#codes = Array.from({ length: received }, () => undefined);
  }

  /** An element was refused. Of the refusal, only what the answer needs is kept: the list of errors may be long. */
  refused(index: number, refusal: Refusal): void {
    const { code } = refusal;
    this.#failed += 1;
    this.#codes[index] = code;
    if (errorTable[code].retriable) {
      this.#retriable += 1;
      this.#firstRetriable ??= refusal;
    }
    const characters = charactersOf(this.#failed, this.#failed);
    if (characters > 0) this.#reasons.set(index, cut(reasonOf(refusal), characters));
  }

  /** The refusal of a retriable event, if no event is kept. */
  get retriable(): Refusal | undefined {
    return this.#failed === this.#codes.length ? this.#firstRetriable : undefined;
  }

  /** The JSON of the answer. It takes turns: it may have 50,000 failures. */
  answer(turns: Turns, client: Client): Promise<string> {
    if (this.#failed < FAILURES_A_SLICE) return this.#make(turns, client);
    return makeLimit(() => this.#make(turns, client));
  }

  async #make(turns: Turns, client: Client): Promise<string> {
    const failed = this.#failed;
    const slices: string[] = [];
    let slice: string[] = [];
    let number = 0;
    for (const [index, code] of this.#codes.entries()) {
      if (code === undefined) continue;
      number += 1;
      slice.push(this.#jsonOf(index, code, charactersOf(number, failed)));
      if (slice.length < FAILURES_A_SLICE) continue;
      slices.push(slice.join());
      slice = [];
      if (!turns.take(SLICE_WORK)) await turns.wait(SLICE_WORK, client);
    }
    if (slice.length > 0) slices.push(slice.join());
    // Joining and sending megabytes takes milliseconds: it has a turn of its own.
    if (slices.length > 1) await turns.wait(WORK_A_TURN, client);
    const received = this.#codes.length;
    const summary = {
      received,
      successful: received - failed,
      failed,
      retriable: this.#retriable,
      non_retriable: failed - this.#retriable,
    };
    const status = failed === 0 ? 'success' : 'partial_success';
    return `{"status":"${status}","summary":${JSON.stringify(summary)},"failed_events":[${slices.join()}]}`;
  }

  #jsonOf(index: number, code: Refusal['code'], characters: number): string {
    const reason = characters === 0 ? undefined : this.#reasons.get(index);
    const shown = JSON.stringify(reason === undefined ? code : cut(reason, characters));
    return `{"index":${index},"reason":${shown},"retriable":${errorTable[code].retriable}}`;
  }
}

/** Most characters of the reason of the `number`-th of `failed` failures; 0 for its error code alone. */
function charactersOf(number: number, failed: number): number {
  const share = Math.floor(REASON_CHARACTERS / failed);
  if (number <= FULL_REASONS) return Math.max(FULL_CHARACTERS, Math.min(share, 2 * FULL_CHARACTERS));
  return share < MIN_CHARACTERS ? 0 : Math.min(share, FULL_CHARACTERS);
}

function reasonOf({ code, message, details }: Refusal): string {
  const errors = code === 'invalid_request' && areErrors(details) ? describeErrors(details) : undefined;
  return errors === undefined ? message : `${message}: ${errors}`;
}

/** Cut at a code point. */
function cut(text: string, characters: number): string {
  if (text.length <= characters) return text;
  const last = text.charCodeAt(characters - 2);
  return `${text.slice(0, characters - (last >= 0xd800 && last < 0xdc00 ? 2 : 1))}…`;
}
