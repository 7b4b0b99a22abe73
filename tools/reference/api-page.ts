import { errorTable } from '../../src/errors.ts';
import { supportedEncodings } from '../../src/http/events/content-encoding.ts';

/** docs/api.md: the HTTP interface, with the table of errors. */
export function apiPage(): string {
  const rows = Object.entries(errorTable).map(
    ([code, { status, when, retriable }]) =>
      `| \`${code}\` | ${status} | ${retriable ? 'yes' : 'no'} | ${when} |`,
  );
  return `<!-- Generated from src/errors.ts and tools/reference/api-page.ts by \`make docs\`; edit those. -->

# The HTTP interface

A running proxy has this as a page to try things on, \`/docs\`, and as an OpenAPI 3.1 document, \`/openapi.json\`.

| path | |
|---|---|
| \`POST /api/v1/lineage\` | one event; the default path of every OpenLineage client |
| \`POST /v1/openlineage\` | the same; Data.Rentgen's path |
| \`POST /\` | the same; where Java clients post when their URL ends with a slash |
| \`POST /api/v1/lineage/batch\` | a JSON array of events |
| \`GET /monitoring/ping\`, \`/ready\`, \`/metrics\` | see [metrics](metrics.md) |
| \`GET /docs\`, \`/openapi.json\` | the API page and its document |

## Posting an event

- The body is an OpenLineage run event, job event or dataset event: JSON in UTF-8, up to \`producer.max_request_size\` (5 MiB) after decoding.
- \`Content-Type\` is a JSON type, or absent. \`Content-Encoding\` is identity, ${supportedEncodings}, or absent.
- \`X-Request-ID\` is taken when it is 1 to 128 letters, digits and \`._~:@=+/-\`; else one is made. It is in the answer, in the log, and in the
  record's header \`correlation_id\`.
- **201 Created**, empty body: Kafka has the event. All in-sync replicas have acknowledged it (\`acks=all\`). Nothing you do to the proxy can lose it.
- **202 Accepted**, empty body: the event is on the proxy's disk, synced, and will be delivered in its order: Kafka is away or slow. With
  \`check.invalid: dead-letter\` also: the event is not valid, and is kept for the dead-letter topic. [Delivery](delivery.md) has the whole.
- Anything else: the event was **not** taken. The body says why.

The answer comes within about a second, whatever Kafka does. A 503 says that the event can be kept neither in Kafka nor on disk. It may leave a
record in Kafka all the same, if an acknowledgement came too late; sending the event again then makes a duplicate.
\`http2kafka_duplicates_possible_total\` counts these.

## Posting a batch

\`\`\`sh
curl -i http://localhost:8002/api/v1/lineage/batch -H 'Content-Type: application/json' --data-binary @examples/batch.json
\`\`\`

Each good element is forwarded as the exact bytes it has inside the array. One bad element does not spoil the others:

\`\`\`json
{
  "status": "partial_success",
  "summary": { "received": 2, "successful": 1, "failed": 1, "retriable": 0, "non_retriable": 1 },
  "failed_events": [{ "index": 1, "reason": "Invalid request: body.run: Field required", "retriable": false }]
}
\`\`\`

When nothing of a batch could be kept, and something of it may be later, the answer is 503 instead: send all of it again.

## Errors

Every error has one shape. For a bad event, \`details\` lists every fault found (up to 100), not only the first:

\`\`\`json
{
  "error": {
    "code": "invalid_request",
    "message": "Invalid request",
    "details": [
      { "location": ["body", "run", "runId"], "message": "Field required", "code": "missing", "context": {}, "input": {} }
    ]
  }
}
\`\`\`

| code | status | worth trying again | when |
|---|---|---|---|
${rows.join('\n')}

408, 429 and 503 carry \`Retry-After: 1\`.

## What is checked

| level (\`check.level\`) | refuses |
|---|---|
| \`routing\` | what is not JSON, or lacks what key and timestamp are made of |
| \`core\` (default) | what no consumer could use: required fields, types and formats of event, run, job and datasets; facets that are not objects |

\`core\` lets pass what real clients get wrong and every consumer understands; see [deviations](metrics.md#deviations-of-the-specification).
Whatever the level, these are refused, because parsers disagree about them, and so the proxy and your consumers might see
different events: bytes that are not UTF-8, a byte order mark, nesting deeper than 200 levels, numbers longer than 1,000 characters,
and half a surrogate pair in a namespace or name. Where a key is there twice, the last one counts, as in every consumer's parser.

## The record in Kafka

| | |
|---|---|
| topic | \`producer.main_topic\` (\`input.runs\`) |
| value | the body, decoded, byte for byte |
| key | \`run:{namespace}/{name}\` of the root parent's job if there, else of the parent's, else of the job; \`job:…\` and \`dataset:…\` for the other kinds |
| partition | Java's default partitioner (murmur2), or librdkafka's \`consistent_random\` with \`kafka.partitioner: crc32\` |
| timestamp | \`eventTime\`, or the time of arrival with \`producer.timestamp: arrival\` |
| headers | \`content-type: application/json\`, \`correlation_id\`, and \`traceparent\` when the request had one |

This is what OpenLineage's own KafkaTransport writes, so consumers need no change. Two things to know:

- **Retention goes by the timestamp.** A topic with time-based retention (Kafka's default is seven days) drops an event with an old
  \`eventTime\` at once. Set \`producer.timestamp: arrival\`, or the topic's \`message.timestamp.type=LogAppendTime\`, if you load old events.
- A timestamp that the topic would refuse, by default more than an hour ahead, gives way to the time of arrival.
`;
}
