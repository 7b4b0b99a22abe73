/** How to point an engine at this proxy. The snippets are those of docs/clients.md, with this address and a key if one is asked for. */
import type { Way } from '../../auth/sender.ts';
import { html, type Html } from './html.ts';

export interface ConnectFacts {
  /** `http://host:port`, without a slash at its end. */
  readonly address: string;
  /** The ways in which senders are recognised; empty if every client may send. */
  readonly ways: readonly Way[];
}

/** In docs/clients.md, the address is this one. */
const DOCUMENTED = 'http://localhost:8002';

/** An address that leads each machine to itself. */
const LOOPBACK = /^https?:\/\/(localhost|127\.[\d.]+|\[::1\])(?=[:/]|$)/i;

/** A line with this is left out where no key is asked for. */
const KEY = 'YOUR-KEY';

/** What a sender shows, and how to get it. */
const CREDENTIALS: Readonly<Record<Way, Html>> = {
  'api-key': html`An API key. Someone with access to the machine of the proxy runs
    <code>http2kafka token key NAME</code>, and adds the entry that it prints to the file
    <code>auth.senders_file</code>.`,
  'personal-token': html`A personal token. Its user makes it in Data.Rentgen. An engine takes it in place of a
  key.`,
  oidc: html`An access token of the OpenID provider. It expires after minutes: the client has to renew it.`,
  certificate: html`A client certificate, of the authority of <code>--ssl-ca-certs</code>.`,
};

interface Snippet {
  readonly title: string;
  readonly about: string;
  readonly lines: readonly string[];
}

export const SNIPPETS: readonly Snippet[] = [
  {
    title: 'Trino',
    about:
      'etc/openlineage-event-listener.properties of the coordinator, named in event-listener.config-files',
    lines: [
      'event-listener.name=openlineage',
      'openlineage-event-listener.trino.uri=http://trino.example.org:8080',
      'openlineage-event-listener.transport.type=HTTP',
      `openlineage-event-listener.transport.url=${DOCUMENTED}`,
      `openlineage-event-listener.transport.api-key=${KEY}`,
    ],
  },
  {
    title: 'Spark',
    about: 'options of spark-submit; the path goes into transport.endpoint, never into the URL',
    lines: [
      '--packages io.openlineage:openlineage-spark_2.12:1.53.0 \\',
      '--conf spark.extraListeners=io.openlineage.spark.agent.OpenLineageSparkListener \\',
      '--conf spark.openlineage.transport.type=http \\',
      `--conf spark.openlineage.transport.url=${DOCUMENTED} \\`,
      '--conf spark.openlineage.transport.auth.type=api_key \\',
      `--conf spark.openlineage.transport.auth.apiKey=${KEY} \\`,
      '--conf spark.openlineage.transport.compression=gzip \\',
      '--conf spark.openlineage.namespace=my-spark \\',
    ],
  },
  {
    title: 'Airflow',
    about: 'the environment of scheduler and workers, with apache-airflow-providers-openlineage',
    lines: [
      'AIRFLOW__OPENLINEAGE__NAMESPACE=my-airflow',
      `AIRFLOW__OPENLINEAGE__TRANSPORT='{"type": "http", "url": "${DOCUMENTED}", "timeout": 5, "compression": "gzip",`,
      `  "auth": {"type": "api_key", "apiKey": "${KEY}"},`,
      `  "retry": {"total": 20, "connect": 20, "read": 1, "backoff_factor": 0.5, "backoff_max": 2}}'`,
      'AIRFLOW__OPENLINEAGE__EXECUTION_TIMEOUT=30',
    ],
  },
  {
    title: 'dbt',
    about: 'the environment, with openlineage-dbt; run dbt-ol in place of dbt',
    lines: [
      `export OPENLINEAGE_URL=${DOCUMENTED}`,
      `export OPENLINEAGE_API_KEY=${KEY}`,
      'export OPENLINEAGE_NAMESPACE=my-dbt',
      'dbt-ol run',
    ],
  },
  {
    title: 'Flink',
    about: "Flink's configuration, with openlineage-flink in lib",
    lines: [
      'execution.job-status-changed-listeners: io.openlineage.flink.listener.OpenLineageJobStatusChangedListenerFactory',
      'openlineage.transport.type: http',
      `openlineage.transport.url: ${DOCUMENTED}`,
      'openlineage.transport.auth.type: api_key',
      `openlineage.transport.auth.apiKey: ${KEY}`,
      'openlineage.transport.compression: gzip',
      'openlineage.job.namespace: my-flink',
      'openlineage.flink.enableDetachedJobTracking: true',
    ],
  },
  {
    title: 'curl',
    about: 'any other program that can post JSON',
    lines: [
      `curl -i ${DOCUMENTED}/api/v1/lineage -H 'Content-Type: application/json' --data-binary @event.json`,
    ],
  },
];

export function connect({ address, ways }: ConnectFacts): Html {
  const needsKey = ways.length > 0;
  const local = LOOPBACK.exec(address)?.[1];
  return html`<section aria-labelledby="h-connect">
    <h2 id="h-connect">How to point an engine here</h2>
    <p>
      The address of this proxy, as you have called it: <code><bdi>${address}</bdi></code
      >. Give it without a slash or a path at its
      end.${
        local !== undefined &&
        html` An engine on another machine or in another container needs the name of the proxy's machine in
          place of <code>${local}</code>.`
      }
    </p>
    ${
      needsKey
        ? html`<p>Senders need a credential${ways.length > 1 && ', one of these'}:</p>
            <ul>
              ${ways.map((way) => html`<li>${CREDENTIALS[way]}</li>`)}
            </ul>`
        : html`<p>No key is needed here.</p>`
    }
    ${SNIPPETS.map((snippet) => snippetHtml(snippet, address, needsKey))}
  </section>`;
}

function snippetHtml({ title, about, lines }: Snippet, address: string, needsKey: boolean): Html {
  const shown = lines.filter((line) => needsKey || !/YOUR-KEY|auth\.type/.test(line));
  const text = shown.map((line) => line.replaceAll(DOCUMENTED, address)).join('\n');
  const authorized = needsKey && title === 'curl' ? `${text} -H 'Authorization: Bearer ${KEY}'` : text;
  return html`<details>
    <summary>${title}</summary>
    <p>${about}</p>
    <pre tabindex="0" aria-label="${title}">${authorized.replace(/ \\$/, '')}</pre>
  </details>`;
}
