/** `POST /api/v1/lineage` and `POST /v1/openlineage`: one event a request. */
import type { Answers } from '../answer.ts';
import type { BodyLimits } from './body-memory.ts';
import type { Exchange } from '../exchange.ts';
import type { Ingest } from '../../pipeline/ingest.ts';
import { receiveBody } from './reception.ts';

/** Takes one event and answers: 201 once Kafka has it, 202 when it is on disk or for a dead letter. */
export function takeSingle(exchange: Exchange, ingest: Ingest, answers: Answers, limits: BodyLimits): void {
  receiveBody(exchange, ingest, answers, limits, async (body) => {
    const ingested = await ingest.take(exchange, body);
    if (ingested.kind === 'refused') answers.refuse(exchange, ingested.refusal);
    else answers.empty(exchange, ingested.kind === 'acknowledged' ? 201 : 202);
  });
}
