/**
 * The memory that batches take while they are handled, beside their bodies. A few bytes on the wire can be tens of
 * thousands of elements: each has a place and an outcome, also if it is `0`. So a batch waits until there is room.
 */
import { BodyMemory } from './body-memory.ts';
import { SMALL_BYTES } from './content-encoding.ts';
import { countByte } from '../../openlineage/scanner-module.ts';
import type { Exchange } from '../exchange.ts';
import type { Time } from '../../support/time.ts';

/** What an element takes: where it begins and ends, its outcome, and its part of the reasons. */
const BYTES_AN_ELEMENT = 32;

const COMMA = 0x2c;

export class BatchRoom {
  readonly #memory: BodyMemory;
  readonly #maxElements: number;

  /** `maxBytes` is for all batches together; one that is alone may take more. Of none are more than `maxElements` kept. */
  constructor(maxBytes: number, maxElements: number, time: Time) {
    this.#memory = new BodyMemory(maxBytes, time);
    this.#maxElements = maxElements;
  }

  /**
   * Resolves to a function that gives the room back, or to undefined if there is none in time. Never settles if the
   * client closes the connection while its batch waits.
   */
  enter({ response }: Pick<Exchange, 'response'>, body: Buffer): Promise<(() => void) | undefined> {
    const elements = mostElements(body, this.#maxElements);
    // A larger body has its share of the memory for bodies.
    const bytes = elements * BYTES_AN_ELEMENT + (body.length > SMALL_BYTES ? 0 : body.length);
    const share = this.#memory.shareFor(response);
    return new Promise((resolve) => {
      share.reserve(
        bytes,
        () => resolve(() => share.giveBack()),
        () => resolve(undefined),
      );
    });
  }
}

/** An upper limit of the number of elements: commas separate them, but not only them. */
function mostElements(body: Buffer, limit: number): number {
  return Math.min(1 + countByte(body, COMMA), limit);
}
