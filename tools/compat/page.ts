/** Writes docs/compatibility.md from the stored results. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import type { Row, Rows } from './results.ts';
import type { Group } from './trial.ts';
import { kafka } from './versions.ts';

const file = join(import.meta.dirname, '..', '..', 'docs', 'compatibility.md');

interface Section {
  readonly group: Group;
  readonly heading: string;
  readonly before: string;
  readonly columns: readonly string[];
  readonly after: string;
}

const sections: readonly Section[] = [
  {
    group: 'brokers',
    heading: 'Brokers and logins',
    before: `Each release of Kafka as Maven Central has it, with a listener for each login. The proxy logs in, and sends five events,
which must be in the topic once. \`replay\` sends 20 dead letters to two topics each, and a second replay sends nothing. [Brokers](brokers.md) says what that means for Redpanda, Azure Event Hubs and others.
[Kafka in a cloud](cloud-kafka.md#what-was-tried) says what was tried of the logins of Amazon, Azure and Google.`,
    columns: [
      'requests',
      'none',
      'PLAIN',
      'SCRAM-SHA-256',
      'SCRAM-SHA-512',
      'OAUTHBEARER',
      'mutual TLS',
      'GSSAPI',
      'replay',
    ],
    after: `Kafka before 3.1 checks no signature of a token: its operator brings a class for that. So there the token of the trial
has none. From 3.1 on it comes from a token endpoint, and the broker checks its signature.`,
  },
  {
    group: 'consumers',
    heading: 'Consumers and compression',
    before: `Each library as it is installed, without a codec of its own. Each topic has 4 events with the codec
(\`kafka.compression\`), and one event of 3 MB that fits into the topic only as gzip.`,
    columns: ['none', 'gzip', 'snappy', 'lz4', 'zstd'],
    after: `So \`none\`, the default, and \`gzip\` are safe for every consumer. Choose another codec only if all consumers of the topic
read it.`,
  },
  {
    group: 'clients',
    heading: 'Clients',
    before: `Each client sends real events to a proxy, with the settings that [clients](clients.md) shows. A relay between them
notes each request. In Kafka there must be each event once, with the same bytes, and with
[the documented key](delivery.md). Every answer must be 201 with \`X-Delivery: kafka\`.

Then Kafka is killed, and the client sends again. Every answer must be 201 with \`X-Delivery: spool\`. When Kafka is back, all
events must be there in the same way.`,
    columns: [
      'User-Agent',
      'encoding',
      'events',
      'same bytes and key in Kafka',
      'events in an outage',
      'in Kafka afterwards',
    ],
    after: `Debezium's events were not tried: Maven Central did not serve the jar that sends them (debezium-openlineage-core). The Go
module proxy did not serve OpenLineage's Go client either; it was built from a checkout (\`--go-client\`).
[Clients](clients.md) says what else is known of these clients and of others.`,
  },
  {
    group: 'mistakes',
    heading: 'Mistakes, and what the page says',
    before: `An engine with a mistake in its settings sends to a proxy whose senders need a key. Its events do not arrive. Then
[the page at \`/\`](page.md) must say who does not arrive, why, and in which setting of the engine that is.`,
    columns: ['refused', 'who', 'why'],
    after: '',
  },
  {
    group: 'load-balancers',
    heading: 'Load balancers',
    before: `Each with the configuration that [behind a load balancer](load-balancer.md) shows. The client of that page sends 1,000
events, 50 a second, each once, while two replicas are restarted in turn. Then Kafka is killed, and 100 runs from 16
client addresses send START, RUNNING and COMPLETE. When Kafka is back, the order of each run is read from the topic.`,
    columns: [
      'lost in rolling restarts',
      'in Kafka',
      'runs out of order after an outage',
      'events of each replica',
    ],
    after: '',
  },
  {
    group: 'schemathesis',
    heading: 'The OpenAPI document',
    before: `schemathesis sends requests that it makes from \`/openapi.json\`, valid and invalid ones, and checks the answers against
the document.`,
    columns: ['requests', 'findings'],
    after: `Three things are settled in its configuration, as an OpenAPI document cannot say them. A hook encodes each body as its
\`Content-Encoding\` says. An empty \`Content-Encoding\` is as if it were absent. And 200 is an expected answer of the batch path
to an invalid event, because the answer names each refused event of a batch.`,
  },
  {
    group: 'data-rentgen',
    heading: "Data.Rentgen's consumer",
    before: `Data.Rentgen's consumer (\`data-rentgen[consumer]\`) reads the topic that a proxy has written, and stores what it reads
in PostgreSQL. What it does not take, it puts aside: into its topic for malformed events. That is its rule, and no error of the
record. It takes run events only, with a run id that is a UUID of version 7. So it puts aside all events of Trino 476 and of old
Python clients, and job and dataset events. The events are the project's examples, and more where a folder was named by
\`--events\`.`,
    columns: ['events', 'put aside', 'runs', 'jobs'],
    after: '',
  },
  {
    group: 'profiles',
    heading: 'Profiles of consumers',
    before: `The proxy foresees what a consumer drops ([check levels](levels.md)). Each profile is held against the consumer's own
code: the model of Data.Rentgen's consumer, and the functions with which OpenMetadata's connector reads and filters a
message. The events are the project's examples, those of a folder where one was named by \`--events\`, and random
mutations of them.`,
    columns: ['real events', 'dropped of them', 'mutations', 'foreseen wrongly'],
    after: '',
  },
];

export async function writePage(rows: Rows): Promise<void> {
  writeFileSync(file, await pageOf(rows));
  console.log(`wrote ${file}`);
}

export async function pageOf(rows: Rows): Promise<string> {
  const text = `<!-- Written by \`make compat\`; edit tools/compat/page.ts. -->

# Compatibility

What was tried with this proxy, in which version and when: by \`make compat\`, with Kafka ${kafka} on the same machine. A part of it
runs by \`node tools/compat/main.ts --only NAME,NAME\`, and replaces its own rows.

${sections.map((section) => sectionOf(section, Object.values(rows))).join('\n\n')}
`;
  const config = await resolveConfig(file);
  return format(text, { ...config, filepath: file, proseWrap: 'always' });
}

function sectionOf({ group, heading, before, columns, after }: Section, rows: readonly Row[]): string {
  const own = rows.filter((row) => row.group === group);
  const tried = own.filter(({ cells }) => Object.keys(cells).length > 0);
  const table = [
    rowOf(['', 'version', 'tried on', ...columns]),
    rowOf(['', '', '', ...columns].map(() => '---')),
    ...tried.map(({ label, version, date, cells }) =>
      rowOf([label, version, date, ...columns.map((column) => cells[column] ?? '')]),
    ),
  ].join('\n');
  const lines = own.flatMap(({ label, state, cells, missing }) => {
    const failed = state === 'not as documented' && Object.keys(cells).length === 0;
    const what = failed ? 'Failed' : 'Not tried here';
    return missing ? [`- ${what}: ${label} ${missing.version} (${missing.date}): ${missing.reason}`] : [];
  });
  return [`## ${heading}`, before, tried.length > 0 ? table : '', lines.join('\n'), after]
    .filter((part) => part !== '')
    .join('\n\n');
}

function rowOf(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '/').replaceAll('\n', ' ')).join(' | ')} |`;
}
