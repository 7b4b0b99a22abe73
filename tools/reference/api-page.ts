import { errorTable } from '../../src/errors.ts';
import { supportedEncodings } from '../../src/http/events/content-encoding.ts';
import { paths, type ServedPath } from '../../src/http/paths.ts';

/** docs/api.md: the HTTP interface, with the tables of paths and errors. */
export function apiPage(): string {
  const errors = Object.entries(errorTable).map(
    ([code, { status, when, retriable }]) =>
      `| \`${code}\` | ${status} | ${retriable ? 'yes' : 'no'} | ${when} |`,
  );
  const served: readonly ServedPath[] = Object.values(paths);
  const rows = served.map(
    ({ path, takes, about }) => `| \`${takes === undefined ? 'GET' : 'POST'} ${path}\` | ${about} |`,
  );
  return `<!-- Generated from src/errors.ts, src/http/paths.ts and tools/reference/api-page.ts by \`make docs\`; edit those. -->

# HTTP interface

A running proxy serves this as a page to try things on, \`/docs\`, and as an OpenAPI 3.1 document, \`/openapi.json\`.

| path | what it takes or shows |
|---|---|
${rows.join('\n')}

A path may have a slash at its end, and several slashes where it has one. With \`server.root_path\`, each path is served with
the root path in front and without it. The root path itself is \`/\`.

## Post an event

- The body is an OpenLineage run event, job event or dataset event: JSON in UTF-8, up to \`producer.max_request_size\`
  (5 MiB) after decoding.
- \`Content-Type\` is a JSON type, or absent. \`Content-Encoding\` is identity, ${supportedEncodings}, or absent.
- \`X-Request-ID\` is taken when it is 1 to 128 letters, digits and \`._~:@=+/-\`. Otherwise the proxy makes one. It is in
  the answer, in the log, and in the record's header \`correlation_id\`.
- **201 Created**, empty body: the event is kept. The header \`X-Delivery\` says where:

  | \`X-Delivery\` | the event |
  |---|---|
  | \`kafka\` | is in Kafka. All in-sync replicas have acknowledged it (\`acks=all\`). |
  | \`spool\` | is on the proxy's disk, synced. It is delivered in its order when Kafka is available again: [delivery](delivery.md). |
  | \`dead-letter\` | is kept for the dead-letter topic: it is not valid (\`check.invalid: dead-letter\`), or a [routing rule](routing.md) says so. |

- **202 Accepted**, only with \`server.spooled_status: 202\`: the same, for \`spool\` and \`dead-letter\`. The default is 201,
  because OpenLineage's Go client takes every status but 200 and 201 for a failure, and programs that use it then end.
- **200 OK**, empty body, \`X-Delivery: dropped\`: a [routing rule](routing.md) drops the event. \`X-Routing-Rule\` has its
  name.
- Any other status: the event was **not** taken. The body says why.

The answer comes within about a second, in an outage of Kafka too. A 503 says that the event can be kept neither in Kafka nor
on disk. The record may still be in Kafka, if an acknowledgement came too late. If the client then sends the event again, Kafka
has it twice. \`http2kafka_duplicates_possible_total\` counts these.

## Post a batch

\`\`\`sh
curl -i http://localhost:8002/api/v1/lineage/batch -H 'Content-Type: application/json' --data-binary @examples/batch.json
\`\`\`

Each valid element is forwarded as the exact bytes it has inside the array. A bad element does not spoil the others. The answer
has no \`X-Delivery\`, because its elements may be kept in different places:

\`\`\`json
{
  "status": "partial_success",
  "summary": { "received": 2, "successful": 1, "failed": 1, "retriable": 0, "non_retriable": 1 },
  "failed_events": [{ "index": 1, "reason": "Invalid request: body.run: Field required", "retriable": false }]
}
\`\`\`

If no element could be kept, and one of them may be kept later, the answer is 503 instead, or 429 when the sender is over its
quota. Send the whole batch again.

## Errors

Every error has one shape. For a bad event, \`details\` lists every validation error found (up to 100), not only the first:

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

| code | status | retry | when |
|---|---|---|---|
${errors.join('\n')}

408, 429 and 503 carry \`Retry-After: 1\`.

## Check levels

| level (\`check.level\`) | refuses |
|---|---|
| \`routing\` | bodies that are not JSON, or lack what key and timestamp are made of |
| \`core\` (default) | what no consumer could use: missing required fields, wrong types and formats of event, run, job and datasets; facets that are not objects |

Level \`core\` accepts the small deviations from the specification that real clients have, and counts them. Examples are a
\`producer\` that is not a URI, \`null\` for a member that may be absent, and the id of a zone behind \`eventTime\`'s offset.
See [deviations](metrics.md#deviations-from-the-specification). The record has the body unchanged, so a strict consumer may
refuse such an event.

Every level refuses an event of two kinds: one with a \`dataset\` and also a \`run\` or a \`job\`. Otherwise the proxy could check
the namespace of the job, and a consumer could use the namespace of the dataset. A member that is \`null\` does not count here.
But a \`job\` with a \`run\` that is \`null\` is a run event with an error, not a job event.

Every level refuses bodies that parsers read in different ways. Otherwise the proxy and your consumers might see different
events. These are: bytes that are not UTF-8, a byte order mark, nesting deeper than 200 levels, numbers longer than 1,000
characters, and half of a surrogate pair in a namespace or name. Level \`core\` refuses half a pair in \`producer\` and
\`schemaURL\`, too. If a key is there twice, the last one counts, as in every
consumer's parser.

## The record in Kafka

| part | content |
|---|---|
| topic | \`producer.main_topic\` (\`input.runs\`), or what a [routing rule](routing.md) names |
| value | the body, decoded, byte for byte |
| key | \`run:{namespace}/{name}\` of the root parent's job if there, else of the parent's, else of the job; \`job:…\` and \`dataset:…\` for the other kinds |
| partition | Java's default partitioner (murmur2), or librdkafka's \`consistent_random\` with \`kafka.partitioner: crc32\` |
| timestamp | \`eventTime\`, or the time of arrival with \`producer.timestamp: arrival\` |
| header \`content-type\` | \`application/json\` |
| header \`correlation_id\` | the request's id |
| header \`reported-by-user-name\` | the sender's name, when the sender is authenticated |
| header \`traceparent\` | the request's, when it had one; with [traces](traces.md) that of the delivery |

OpenLineage's own KafkaTransport writes the same key and value, so consumers need no change. Two things to know:

- **Retention goes by the timestamp.** A topic with time-based retention (Kafka's default is seven days) drops an event with an
  old \`eventTime\` at once. If you load old events, set \`producer.timestamp: arrival\`, or the topic's
  \`message.timestamp.type=LogAppendTime\`.
- A timestamp that the topic would refuse, by default more than an hour ahead, gives way to the time of arrival.
`;
}
