import { commonMembers, logMembers } from '../../src/log.ts';

/** docs/logs.md: how a line of the log is made, and every member of the table. */
export function logsPage(): string {
  return `<!-- Generated from src/log.ts by \`make docs\`; edit that. -->

# Log format

http2kafka logs on standard error, one line for each entry. \`logging.level\` and \`logging.preset\` set what is logged,
and how; see [Configuration](configuration.md). \`plain\` and \`colored\` are for people. For Loki, Elasticsearch and
other systems use \`logging.preset: json\`:

\`\`\`json
{"level":"warn","time":"2026-11-29T10:20:30.456Z","service":"http2kafka","version":"0.2.0","request_id":"4f0c4d57-6a0e-4b0e-9f0f-1f5a3c0d2e11","method":"POST","path":"/api/v1/lineages","client":"10.1.2.3:41234","user_agent":"openlineage-python/1.54.0","code":"not_found","reason":"There is nothing at /api/v1/lineages. Events go to POST /api/v1/lineage","message":"request refused"}
\`\`\`

A line never holds a secret, a token or the content of an event, except the namespace and the name of its job, and the
names of members with validation errors.

## Members of every JSON line

${table(commonMembers)}

## Members of some JSON lines

A member without a value is absent. A name keeps its meaning in later versions. \`plain\` and \`colored\` show the same
members after the message; there, the reason is the end of the message.

${table(logMembers)}

## Refused requests

Every refused request leaves a line with the level \`warn\`, also a wrong path (404) and a wrong method (405). A wrong
path is the most common cause of missing events. The line says as much of the request as the proxy knows: a wrong path
is refused before its sender is recognised, and the job is known only after the event was read. Each refused event of a
batch counts as one line.

- The path has no query, because that may hold a secret.
- One cause (\`code\`) and one sender have at most 10 lines a second together. Further lines are left out.
- The next line of that cause and sender has their number as \`omitted\`. If none follows within 10 seconds, a line
  \`refusals were not logged one by one\` has it.
- The limits of different senders are independent, up to 256 pairs of a cause and a sender at the same time. Further
  pairs share a limit for each cause.

\`http2kafka_events_total\` and \`http2kafka_requests_total\` count all of them; see [Metrics](metrics.md).

A TLS handshake that fails has a line with the level \`warn\` as well, by the same limits: the client does not speak TLS,
does not accept the certificate of the proxy, or shows one that is not accepted.

## Access log

With \`server.access_log\` every request has a line with the level \`info\`, and in JSON the message \`request answered\`.
It has the members \`request_id\`, \`method\`, \`path\`, \`status\`, \`duration_ms\`, \`bytes\`, \`sender\` and \`client\`. In
\`plain\` and \`colored\` it is a text:

\`\`\`text
INFO: 10.1.2.3:41234 - trino "POST /api/v1/lineage HTTP/1.1" 201
\`\`\`

That text has the whole URL, with its query. With \`server.access_log_probes: false\`, requests to \`/monitoring/…\` have
no line in the access log. They have one if they are refused.
`;
}

function table(members: Readonly<Record<string, { readonly type: string; readonly about: string }>>): string {
  const rows = Object.entries(members).map(
    ([name, { type, about }]) => `| \`${name}\` | ${type} | ${about} |`,
  );
  return ['| member | type | what it holds |', '|---|---|---|', ...rows].join('\n');
}
