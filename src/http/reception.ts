/** Receiving a body, for whoever takes events from one. */
import type { Answers } from './answer.ts';
import { readBody } from './body.ts';
import type { Exchange } from './exchange.ts';
import type { Ingest } from './ingest.ts';

/** The decoded body of a request; undefined when it was refused and answered. */
export async function receiveBody(
  exchange: Exchange,
  ingest: Ingest,
  answers: Answers,
  maxBytes: number,
): Promise<Buffer | undefined> {
  const body = await readBody(exchange, maxBytes);
  if (Buffer.isBuffer(body)) return body;
  ingest.refused(exchange, 'unknown', body);
  answers.refuse(exchange, body);
  return undefined;
}
