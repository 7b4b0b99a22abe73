/** Receiving a body, for whoever takes events from one. */
import type { Answers } from '../answer.ts';
import { readBody } from './body-reader.ts';
import type { BodyLimits } from './body-memory.ts';
import type { Exchange } from '../exchange.ts';
import type { Ingest } from '../../pipeline/ingest.ts';

/**
 * Hands the decoded body of a request to `take`, or answers why it is not taken. What `take` rejects with is a defect of
 * ours, and answered so.
 */
export function receiveBody(
  exchange: Exchange,
  ingest: Ingest,
  answers: Answers,
  limits: BodyLimits,
  take: (body: Buffer) => Promise<void>,
): void {
  // Called, not awaited: a promise more for each event is a hundredth of its cost.
  readBody(exchange, limits, (body) => {
    if (Buffer.isBuffer(body)) {
      take(body).catch((error: unknown) => answers.fail(exchange, error));
    } else {
      ingest.refused(exchange, 'unknown', body);
      answers.refuse(exchange, body);
    }
  });
}
