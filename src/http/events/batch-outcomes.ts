/**
 * Collects the outcomes of a batch, and makes its answer: that of OpenLineage's OpenAPI document (`postEventBatch`).
 * Every failed index is named. The reasons of all together are bounded: they get shorter where there are many.
 */
import { errorTable, type Refusal } from '../../errors.ts';
import { describeErrors } from '../../openlineage/validation-error.ts';
import { areErrors } from '../../pipeline/refusal-facts.ts';
import type { Client, Turns } from '../../support/turns.ts';

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

interface Failure {
  readonly index: number;
  readonly code: Refusal['code'];
  /** Undefined where there are so many that nobody reads it. */
  readonly reason: string | undefined;
}

export class BatchOutcomes {
  readonly #received: number;
  readonly #failures: Failure[] = [];
  #retriable = 0;
  #firstRetriable: Refusal | undefined;

  /** `received` is the number of elements. */
  constructor(received: number) {
    this.#received = received;
  }

  /** An element was refused. Of the refusal, only what the answer needs is kept: the list of errors may be long. */
  refused(index: number, refusal: Refusal): void {
    const { code } = refusal;
    if (errorTable[code].retriable) {
      this.#retriable += 1;
      this.#firstRetriable ??= refusal;
    }
    const number = this.#failures.length + 1;
    const reason = charactersOf(number, number) > 0 ? reasonOf(refusal) : undefined;
    this.#failures.push({ index, code, reason: reason && cut(reason, charactersOf(number, number)) });
  }

  /** The refusal of a retriable event, if no event is kept. */
  get retriable(): Refusal | undefined {
    return this.#failures.length === this.#received ? this.#firstRetriable : undefined;
  }

  /** The JSON of the answer. It takes turns: it may have 50,000 failures. */
  async answer(turns: Turns, client: Client): Promise<string> {
    const failures = this.#failures.sort((a, b) => a.index - b.index);
    const failed = failures.length;
    const pieces: string[] = [];
    for (let from = 0; from < failed; from += FAILURES_A_SLICE) {
      if (from > 0 && !turns.take(SLICE_WORK)) await turns.wait(SLICE_WORK, client);
      const slice = failures.slice(from, from + FAILURES_A_SLICE);
      pieces.push(slice.map((failure, place) => jsonOf(failure, from + place + 1, failed)).join());
    }
    const summary = {
      received: this.#received,
      successful: this.#received - failed,
      failed,
      retriable: this.#retriable,
      non_retriable: failed - this.#retriable,
    };
    const status = failed === 0 ? 'success' : 'partial_success';
    return `{"status":"${status}","summary":${JSON.stringify(summary)},"failed_events":[${pieces.join()}]}`;
  }
}

/** Most characters of the reason of the `number`-th of `failed` failures; 0 for its error code alone. */
function charactersOf(number: number, failed: number): number {
  const share = Math.floor(REASON_CHARACTERS / failed);
  if (number <= FULL_REASONS) return Math.max(FULL_CHARACTERS, Math.min(share, 2 * FULL_CHARACTERS));
  return share < MIN_CHARACTERS ? 0 : Math.min(share, FULL_CHARACTERS);
}

function jsonOf({ index, code, reason }: Failure, number: number, failed: number): string {
  const characters = charactersOf(number, failed);
  const { retriable } = errorTable[code];
  const shown = characters === 0 || reason === undefined ? code : cut(reason, characters);
  return `{"index":${index},"reason":${JSON.stringify(shown)},"retriable":${retriable}}`;
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
