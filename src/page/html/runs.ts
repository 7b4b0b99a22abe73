/** Runs that have not ended or have failed, and the quality of events by sender and producer. */
import type { Quality } from '../quality-table.ts';
import type { SeenRun } from '../run-table.ts';
import type { Memory } from '../scope.ts';
import { count, html, name, table, time, type Html } from './html.ts';

/** Most rows of each table. */
const MAX_ROWS = 200;

export function runs({ open, failed, forgotten }: Memory['runs']): Html {
  return html`<section aria-labelledby="h-runs">
    <h2 id="h-runs">Runs</h2>
    <p>What this proxy has seen since it started. Another replica may have had the end of a run.</p>
    <h3>Failed</h3>
    ${failed.length === 0 ? html`<p>None.</p>` : table('Failed runs', ['Job', 'Namespace', 'Run', 'Sender', 'How', 'Began (UTC)', 'Ended (UTC)'], failed.slice(0, MAX_ROWS).map(failedRow))}
    <h3>Began, and have not ended</h3>
    ${open.length === 0 ? html`<p>None.</p>` : table('Runs that have not ended', ['Job', 'Namespace', 'Run', 'Sender', 'Began (UTC)', 'Last event (UTC)'], open.slice(0, MAX_ROWS).map(openRow))}
    ${open.length > MAX_ROWS && html`<p>${count(open.length - MAX_ROWS)} more are not shown.</p>`}
    ${forgotten > 0 && html`<p>${count(forgotten)} were too many to be remembered.</p>`}
  </section>`;
}

function openRow({ job, namespace, run, sender, beganAt, lastAt }: SeenRun): Html {
  return html`<tr>
    <td class="long">${name(job)}</td>
    <td class="long">${name(namespace)}</td>
    <td class="id">${name(run)}</td>
    <td class="long">${name(sender)}</td>
    <td>${time(beganAt)}</td>
    <td>${time(lastAt)}</td>
  </tr>`;
}

function failedRow({ job, namespace, run, sender, failed, beganAt, lastAt }: SeenRun): Html {
  return html`<tr>
    <td class="long">${name(job)}</td>
    <td class="long">${name(namespace)}</td>
    <td class="id">${name(run)}</td>
    <td class="long">${name(sender)}</td>
    <td class="bad">${failed}</td>
    <td>${time(beganAt)}</td>
    <td>${time(lastAt)}</td>
  </tr>`;
}

export function quality(rows: readonly Quality[]): Html {
  const shown = rows.slice(0, MAX_ROWS);
  return html`<section aria-labelledby="h-quality">
    <h2 id="h-quality">Quality</h2>
    <p>
      Deviations from the specification, and what consumers would drop, since the proxy started. For the
      owners of the senders. <code>check.consumers</code> names the consumers. What is wrong with an event,
      and where, says <code>http2kafka validate --check-consumers CONSUMER FILE</code>.
    </p>
    ${
      shown.length === 0
        ? html`<p>No event has been taken yet.</p>`
        : table(
            'Quality by sender and producer',
            ['Sender', 'Producer', '#Events', 'Deviations', 'Consumers would drop'],
            shown.map(qualityRow),
          )
    }
    ${rows.length > shown.length && html`<p>${count(rows.length - shown.length)} more are not shown.</p>`}
  </section>`;
}

function qualityRow({ sender, producer, events, deviations, drops }: Quality): Html {
  const list = (items: readonly Html[]) =>
    items.length === 0
      ? name(undefined)
      : html`<ul>
          ${items}
        </ul>`;
  return html`<tr>
    <td class="long">${name(sender)}</td>
    <td class="wide">${name(producer)}</td>
    <td class="number">${count(events)}</td>
    <td>
      ${list(deviations.map(([deviation, number]) => html`<li><code>${deviation}</code>: ${count(number)}</li>`))}
    </td>
    <td>
      ${list(drops.map(([consumer, reason, number]) => html`<li>${consumer} would drop ${count(number)} of ${count(events)}: <code>${reason}</code></li>`))}
    </td>
  </tr>`;
}
