/** What is refused, by sender and cause: what it means, and what to do. */
import type { RefusalExample, RefusalGroup } from '../refusal-groups.ts';
import { count, html, name, table, time, type Html } from './html.ts';

const HEAD = ['Who', 'Why', '#How often', 'First', 'Last', 'An example'];

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

/** The same for the reasons why a sender is not recognised. */
const REASONS: Readonly<Record<string, string>> = {
  missing: 'No key: the request has no Authorization header',
  scheme: 'Wrong kind of Authorization header: it is not "Bearer …"',
  kind: 'Wrong kind of token',
  disabled: 'This kind of token is not taken here',
  malformed: 'Wrong token: it is not readable',
  signature: 'Wrong token: its signature is wrong',
  algorithm: 'Wrong token: its algorithm is not taken',
  expired: 'Expired token',
  'not-yet-valid': 'The token is not valid yet',
  claims: 'Wrong token: a claim is wrong or missing',
  audience: 'The token is for another audience',
  issuer: 'The token is of another issuer',
  revoked: 'Revoked token',
  'unknown-key': 'Unknown API key: wrong, expired or removed',
  certificate: 'The client certificate names no sender',
  unavailable: 'The sender cannot be recognised now',
};

/** What to do about a cause. */
const REMEDIES: Readonly<Record<string, string>> = {
  not_found: 'Correct the URL in the settings of the client: see Connect below.',
  invalid_request: 'The producer of the event has to change it. The event is not kept.',
  payload_too_large: 'Raise the limit that the message names, or have the client send less.',
  forbidden: 'Add the namespace to the sender in the senders file, or use another sender.',
  too_many_requests:
    'The client may send the event again. events_per_second of the senders file is the quota.',
  unavailable: 'The client may send the event again. State below says what is wrong.',
  missing: 'Give the client its key: see Connect below.',
  scheme: 'Write the header as "Authorization: Bearer KEY".',
  expired: 'Get a new token, and put it into the settings of the client.',
  revoked: 'Get a new token, and put it into the settings of the client.',
  'unknown-key': 'Compare the key with the senders file, or make a new one: http2kafka token key NAME.',
  disabled: 'Use a credential that this proxy takes: see Connect below.',
};

function remedyOf({ code, reason }: RefusalGroup): string | undefined {
  return REMEDIES[reason] ?? (reason === '' ? REMEDIES[code] : undefined);
}

export function meaningOf({ code, reason }: Pick<RefusalGroup, 'code' | 'reason'>): string {
  return REASONS[reason] ?? MEANINGS[code] ?? code;
}

/** Most rows. The groups are in the order of their last refusals. */
const MAX_ROWS = 200;

export function refusals(groups: readonly RefusalGroup[], forgotten: number): Html {
  const shown = groups.slice(0, MAX_ROWS);
  return html`<section aria-labelledby="h-refused">
    <h2 id="h-refused">What is refused</h2>
    ${
      shown.length === 0
        ? html`<p>Nothing has been refused since the proxy started.</p>`
        : table('What is refused', HEAD, shown.map(refusalRow))
    }
    ${groups.length > shown.length && html`<p>${count(groups.length - shown.length)} older ones are not shown.</p>`}
    ${forgotten > 0 && html`<p>${count(forgotten)} older ones are not remembered any more.</p>`}
  </section>`;
}

function refusalRow(group: RefusalGroup): Html {
  const { code, sender, client, example } = group;
  const remedy = remedyOf(group);
  return html`<tr>
    <td class="long">${sender === undefined ? html`unknown, from <bdi>${client}</bdi>` : name(sender)}</td>
    <td class="wide">
      <strong class="bad">${meaningOf(group)}</strong><br /><code>${code}</code
      >${remedy !== undefined && html`<p>${remedy}</p>`}
    </td>
    <td class="number">${count(group.count)}</td>
    <td>${time(group.firstAt)}</td>
    <td>${time(group.lastAt)}</td>
    <td class="wide">${exampleOf(example)}</td>
  </tr>`;
}

function exampleOf(example: RefusalExample): Html {
  const { message, errors, method, path, client, userAgent, namespace, job, requestId } = example;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['path', path === undefined ? undefined : `${method ?? ''} ${path}`],
    ['job', job],
    ['namespace', namespace],
    ['from', client],
    ['program', userAgent],
    ['request id', requestId],
  ];
  return html`<p><bdi>${message}</bdi></p>
    ${
      errors.length > 0 &&
      html`<ul>
        ${errors.map(
          (error) =>
            html`<li>
              <code><bdi>${error.location}</bdi></code
              >: ${error.message}
            </li>`,
        )}
      </ul>`
    }
    <dl>
      ${facts.flatMap(([label, value]) =>
        value === undefined
          ? []
          : [
              html`<div>
                <dt>${label}</dt>
                <dd><bdi>${value}</bdi></dd>
              </div>`,
            ],
      )}
    </dl>`;
}
