/** Mistakes that people make with real engines, and the words by which the page must tell them. */
import { clients } from '../clients/table.ts';
import type { Client } from '../clients/trial.ts';
import type { Command } from '../processes.ts';
import { expiredToken, keyOf } from './scene.ts';

export interface Mistake {
  /** For `--only`. */
  readonly name: string;
  /** On the page of compatibility. */
  readonly label: string;
  /** Of tools/compat/clients/table.ts. */
  readonly engine: 'trino' | 'spark' | 'dbt';
  /** What is in the place of the documented settings. */
  readonly replaced: (url: string) => Readonly<Record<string, string>>;
  /** A program of the shell that runs before the engine. */
  readonly before?: string;
  /** The proxy has a certificate of its own, which no engine trusts. */
  readonly tls?: true;
  /** The largest record of the topic. */
  readonly maxBytes?: number;
  /** What the page must say: who, and why with what to do. */
  readonly says: readonly [who: RegExp, why: RegExp];
}

const TRINO = 'openlineage-event-listener.transport.url=';
const UNKNOWN = /^unknown, from 127\.0\.0\.1/;
const JAVA = /^unknown, from 127\.0\.0\.1 Java client \(Trino, Spark, Flink, …\)$/;

export const mistakes: readonly Mistake[] = [
  {
    name: 'trino-path',
    label: 'Trino: a path in its URL',
    engine: 'trino',
    replaced: (url) => ({ [TRINO + url]: `${TRINO}${url}/api/v1`, 'YOUR-KEY': keyOf('trino') }),
    says: [
      /^trino /,
      /^Wrong path: .* in its URL, \/api\/v1 .*Trino openlineage-event-listener\.transport\.url/,
    ],
  },
  {
    name: 'spark-expired',
    label: 'Spark: an expired token',
    engine: 'spark',
    replaced: () => ({ 'YOUR-KEY': expiredToken() }),
    says: [JAVA, /^Expired token: .*Get a new token.*Spark spark\.openlineage\.transport\.auth\.apiKey/],
  },
  {
    name: 'dbt-event',
    label: 'dbt: a namespace that is not UTF-8',
    engine: 'dbt',
    replaced: () => ({ 'YOUR-KEY': keyOf('dbt') }),
    // As in a terminal with Latin-1. Python makes half of a surrogate pair of such a byte.
    before: `OPENLINEAGE_NAMESPACE="$(printf 'Caf\\351')"`,
    says: [/^dbt /, /^Wrong event: .*dbt OPENLINEAGE_NAMESPACE/],
  },
  {
    name: 'dbt-path',
    label: 'dbt: the whole path in OPENLINEAGE_URL',
    engine: 'dbt',
    replaced: (url) => ({ [url]: `${url}/api/v1/lineage/`, 'YOUR-KEY': keyOf('dbt') }),
    says: [/^dbt /, /^Wrong path: .* \/api\/v1\/lineage too much in its URL.*dbt OPENLINEAGE_URL/],
  },
  {
    name: 'dbt-gateway',
    label: 'dbt: the path of a gateway that the proxy was not told',
    engine: 'dbt',
    replaced: (url) => ({ [url]: `${url}/gateway/`, 'YOUR-KEY': keyOf('dbt') }),
    says: [/^dbt /, /^Wrong path: .* start the proxy with --root-path \/gateway/],
  },
  {
    name: 'spark-key',
    label: 'Spark: the key in a setting of another name',
    engine: 'spark',
    replaced: () => ({ 'transport.auth.apiKey=YOUR-KEY': `transport.auth.api_key=${keyOf('spark')}` }),
    says: [JAVA, /^No key: .*Spark spark\.openlineage\.transport\.auth\.apiKey/],
  },
  {
    name: 'spark-namespace',
    label: 'Spark: a namespace that its sender may not write to',
    engine: 'spark',
    replaced: () => ({ 'YOUR-KEY': keyOf('spark') }),
    says: [/^spark /, /^Not allowed: .*Spark spark\.openlineage\.namespace/],
  },
  {
    name: 'trino-large',
    label: 'Trino: an event larger than its topic takes',
    engine: 'trino',
    replaced: () => ({ 'YOUR-KEY': keyOf('trino') }),
    maxBytes: 2000,
    says: [/^trino /, /^Too large an event .*limit/],
  },
  {
    name: 'trino-https',
    label: 'Trino: https against a port without TLS',
    engine: 'trino',
    replaced: (url) => ({ [TRINO + url]: TRINO + url.replace('http:', 'https:') }),
    says: [UNKNOWN, /^https in place of http: .*Write http:\/\//],
  },
  {
    name: 'dbt-http',
    label: 'dbt: http against a port with TLS',
    engine: 'dbt',
    replaced: (url) => ({ [url]: url.replace('https:', 'http:') }),
    tls: true,
    says: [UNKNOWN, /^http in place of https: .*Write https:\/\//],
  },
  {
    name: 'dbt-certificate',
    label: 'dbt: an authority that it does not trust',
    engine: 'dbt',
    replaced: () => ({}),
    tls: true,
    says: [UNKNOWN, /^The client does not trust the certificate/],
  },
];

export function clientOf({ engine }: Mistake): Client {
  const client = clients.find(({ name }) => name === engine);
  if (!client) throw new Error(`there is no client ${engine}`);
  return client;
}

/** The command of the engine with the mistake. `files` are those that the command reads its settings from. */
export function withMistake(mistake: Mistake, command: Command, url: string): Command {
  const replaced = Object.entries(mistake.replaced(url));
  const changed = (text: string) => replaced.reduce((all, [from, to]) => all.replaceAll(from, to), text);
  const own = command.command.map(changed);
  const env = Object.entries(command.env ?? {}).map(([name, value]): [string, string] => [
    name,
    changed(value),
  ]);
  return {
    ...command,
    command: mistake.before === undefined ? own : ['sh', '-c', `${mistake.before} exec "$0" "$@"`, ...own],
    env: Object.fromEntries(env),
  };
}
