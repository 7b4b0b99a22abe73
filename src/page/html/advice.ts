/** What a cause of refusals means, what to do about it, and which setting of an engine that is. */
import type { ClientFamily, RefusalGroup } from '../refusal-groups.ts';
import { html, type Html } from './html.ts';

/** What a cause means, so that one glance tells a wrong path from a wrong token from a wrong event. */
const MEANINGS: Readonly<Record<string, string>> = {
  not_found: 'Wrong path: events go to /api/v1/lineage',
  method_not_allowed: 'Wrong method: events are posted',
  invalid_request: 'Wrong event: it is not valid',
  payload_too_large: 'Too large an event',
  unsupported_media_type: 'Wrong Content-Type or Content-Encoding',
  forbidden: 'Not allowed: the sender may not write to this namespace',
  refused_by_rule: 'Refused by a routing rule',
  too_many_requests: 'Over the quota of the sender',
  unavailable: 'The event cannot be kept now',
  bad_request: 'Not a readable HTTP request',
  request_timeout: 'The request took too long to arrive',
  headers_too_large: 'Too large headers',
};

/** The same for the reasons why a sender is not recognised, and why a connection brings no request. */
const REASONS: Readonly<Record<string, string>> = {
  missing: 'No key: the request has no Authorization header',
  scheme: 'Wrong kind of Authorization header: it is not "Bearer …"',
  kind: 'Wrong kind of token',
  disabled: 'This kind of token is not taken here',
  malformed: 'Wrong token: it is not readable',
  signature: 'Wrong token: its signature is wrong',
  algorithm: 'Wrong token: its algorithm is not taken',
  expired: 'Expired token: the proxy does not take it any more',
  'not-yet-valid': 'The token is not valid yet',
  claims: 'Wrong token: a claim is wrong or missing',
  audience: 'The token is for another audience',
  issuer: 'The token is of another issuer',
  revoked: 'Revoked token',
  'unknown-key': 'Unknown API key: wrong, expired or removed',
  certificate: 'The client certificate names no sender',
  unavailable: 'The sender cannot be recognised now',
  'speaks-tls': 'https in place of http: this port does not speak TLS',
  'speaks-no-tls': 'http in place of https: this port speaks TLS',
  'server-certificate': 'The client does not trust the certificate of this proxy',
  'client-certificate': 'The certificate of the client is missing or not accepted',
  handshake: 'The TLS handshake has failed: no request came',
  'unset-key': 'No key: the client sends a word in its place',
};

/** The headline of a row. That of a wrong event has the first place that is wrong. */
export function meaningOf({ code, reason, example }: RefusalGroup): string {
  const [first] = example.errors;
  if (code === 'invalid_request' && first) return `Wrong event: ${first.location}`;
  return REASONS[reason] ?? MEANINGS[code] ?? code;
}

const CONNECT = html`<a href="#h-connect">Connect</a> has all settings of each engine.`;
const NEW_TOKEN = html`Get a new token, and give it to the client. <a href="#h-connect">Connect</a> says where
  to get one.`;

/** What to do about a cause. */
const REMEDIES: Readonly<Record<string, Html>> = {
  payload_too_large: html`Raise the limit that the message names, or have the client send less.`,
  forbidden: html`Have the client use a namespace that the sender may write to. Or add this one to
    <code>namespaces</code> of the sender in the senders file.`,
  too_many_requests: html`The client may send the event again. <code>events_per_second</code> of the senders
    file is the quota.`,
  unavailable: html`The client may send the event again. <a href="#h-standing">State</a> says what is wrong.`,
  missing: html`Give the client its key.`,
  scheme: html`Write the header as "Authorization: Bearer KEY".`,
  expired: NEW_TOKEN,
  revoked: NEW_TOKEN,
  'unset-key': html`Give the client its key, in the setting of this name:`,
  'unknown-key': html`Compare the key with the senders file, or make a new one:
    <code>http2kafka token key NAME</code>.`,
  disabled: html`Use a credential that this proxy takes: <a href="#h-connect">Connect</a> names them.`,
  'speaks-tls': html`Write <code>http://</code> in place of <code>https://</code> in the URL of the client. Or
    give this proxy a certificate: <code>--ssl-certfile</code>.`,
  'speaks-no-tls': html`Write <code>https://</code> in place of <code>http://</code> in the URL of the client.`,
  'server-certificate': html`Give the client the authority that has signed the certificate. Or take a
    certificate of an authority that clients trust: <code>--ssl-certfile</code>.`,
  'client-certificate': html`Give the client a certificate of the authority of <code>--ssl-ca-certs</code>.`,
};

/** What to do, as HTML. Undefined if only the message can say it. */
export function remedyOf(group: RefusalGroup): Html | undefined {
  const { code, reason } = group;
  if (reason !== '') return REMEDIES[reason];
  if (code === 'not_found') return remedyOfPath(group.example.path ?? '');
  return code === 'invalid_request' ? remedyOfEvent(group) : REMEDIES[code];
}

/** Nothing that a shell reads as more than a text: people copy the command, and anyone may have sent the path. */
const PATH_OF_GATEWAY = /^(?:\/[\w.~-]+)+$/;

/** A client has a path in its URL, or it does not know that a gateway is in front of the proxy. */
function remedyOfPath(written: string): Html {
  const path = written.replace(/\/{2,}/g, '/');
  const [, base = ''] = /^(\/.+?)\/api\/v1\/lineage\/?$/.exec(path) ?? [];
  const cause =
    base === ''
      ? html`The client has a path in its URL, <code><bdi>${path}</bdi></code
          >, or in its endpoint.`
      : html`The client has <code><bdi>${base}</bdi></code> too much in its URL.`;
  const gateway =
    PATH_OF_GATEWAY.test(base) &&
    !base.startsWith('/api/') &&
    html` If a gateway leads here with that path, start the proxy with
      <code>--root-path <bdi>${base}</bdi></code
      >.`;
  return html`${cause} Give it the address without any path: then it adds
    <code>/api/v1/lineage</code> itself.${gateway}`;
}

function remedyOfEvent(group: RefusalGroup): Html {
  const isNaming = hasWrongNames(group);
  return html`The event is not kept, and clients do not send it again: run the job again after the change.
  ${
    isNaming
      ? html`The names of jobs and namespaces come from the settings of the client: correct them there.`
      : html`The client's OpenLineage library makes the event: take another version of it, or tell its makers
        the places on the right.`
  }`;
}

/** True if a name of the job is wrong. */
function hasWrongNames({ example }: RefusalGroup): boolean {
  return example.errors.some(({ location }) => location.startsWith('body.job.na'));
}

/** Which setting of an engine has what is wrong. */
type Kind = 'url' | 'key' | 'namespace';

type Settings = Readonly<Record<Kind, readonly (readonly [engine: string, setting: string])[]>>;

/** By the client that the engines send with. The names are those of docs/clients.md. */
export const SETTINGS: Readonly<Partial<Record<ClientFamily, Settings>>> = {
  java: {
    url: [
      ['Trino', 'openlineage-event-listener.transport.url'],
      ['Spark', 'spark.openlineage.transport.url'],
      ['Spark', 'spark.openlineage.transport.endpoint'],
      ['Flink', 'openlineage.transport.url'],
    ],
    key: [
      ['Trino', 'openlineage-event-listener.transport.api-key'],
      ['Spark', 'spark.openlineage.transport.auth.apiKey'],
      ['Flink', 'openlineage.transport.auth.apiKey'],
    ],
    namespace: [
      ['Trino', 'openlineage-event-listener.trino.uri'],
      ['Spark', 'spark.openlineage.namespace'],
      ['Flink', 'openlineage.job.namespace'],
    ],
  },
  python: {
    url: [
      ['dbt', 'OPENLINEAGE_URL'],
      ['Airflow', 'AIRFLOW__OPENLINEAGE__TRANSPORT'],
    ],
    key: [
      ['dbt', 'OPENLINEAGE_API_KEY'],
      ['Airflow', 'AIRFLOW__OPENLINEAGE__TRANSPORT'],
    ],
    namespace: [
      ['dbt', 'OPENLINEAGE_NAMESPACE'],
      ['Airflow', 'AIRFLOW__OPENLINEAGE__NAMESPACE'],
    ],
  },
};

function kindOf(group: RefusalGroup): Kind | undefined {
  const { code, reason } = group;
  switch (code) {
    case 'not_found':
      return 'url';
    case 'unauthorized':
      return reason === 'certificate' ? undefined : 'key';
    case 'forbidden':
      return 'namespace';
    case 'invalid_request':
      return hasWrongNames(group) ? 'namespace' : undefined;
    default:
      return undefined;
  }
}

/** The settings to look at, in the engines that send with this kind of client. */
export function settingsOf(group: RefusalGroup): Html | undefined {
  const kind = kindOf(group);
  if (kind === undefined) return undefined;
  const settings = group.family && SETTINGS[group.family]?.[kind];
  if (!settings) return html`<p>${CONNECT}</p>`;
  // Most operators name a sender after its engine.
  const sender = group.sender?.toLowerCase() ?? '';
  const named = settings.filter(([engine]) => sender.includes(engine.toLowerCase()));
  const shown = named.length > 0 ? named : settings;
  return html`${new Set(shown.map(([engine]) => engine)).size > 1 && html`<p>Whichever of these it is:</p>`}
    <dl class="settings">
      ${shown.map(
        ([engine, setting]) =>
          html`<dt>${engine}</dt>
            <dd><code>${setting}</code></dd>`,
      )}
    </dl>
    <p>${CONNECT}</p>`;
}

/** What a kind of client is, for someone who looks for an engine. */
export const FAMILIES: Readonly<Record<ClientFamily, string>> = {
  java: 'Java client (Trino, Spark, Flink, …)',
  python: 'Python client (dbt, Airflow, Dagster, …)',
  go: 'Go client',
};
