/** What is refused, by sender and cause: what it means, and what to do. */
import type { RefusalExample, RefusalGroup } from '../refusal-groups.ts';
import { FAMILIES, meaningOf, remedyOf, settingsOf } from './advice.ts';
import { count, html, name, table, time, type Html } from './html.ts';

const HEAD = ['Who', 'Why', '#How often', 'First and last (UTC)', 'An example'];

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
  const { code, sender, client, family, example } = group;
  const remedy = remedyOf(group);
  return html`<tr>
    <td class="long">
      ${sender === undefined ? html`unknown, from <bdi>${client}</bdi>` : name(sender)}${
        family !== undefined && html`<p class="none">${FAMILIES[family]}</p>`
      }
    </td>
    <td class="wide">
      <strong class="bad">${meaningOf(group)}</strong><br /><code>${code}</code
      >${remedy !== undefined && html`<p>${remedy}</p>`}${settingsOf(group)}
    </td>
    <td class="number">${count(group.count)}</td>
    <td>${time(group.firstAt)}${group.count > 1 && html`<br />${time(group.lastAt)}`}</td>
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
    ['request id', requestId === '' ? undefined : requestId],
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
