/** What arrives: the last outcomes, the latest first, and the filters. */
import { filterNames, placeText, TAKEN, type OutcomeRow, type RowFilter } from '../outcome-row.ts';
import { bytes, html, name, table, time, type Html } from './html.ts';

const HEAD = [
  'Time (UTC)',
  'Outcome',
  'Reason or deviations',
  'Job',
  'Namespace',
  'Event',
  'Run',
  'Sender',
  '#Size',
  'Topic/partition@offset',
  '#Took',
  'Request id',
];

/** How the outcomes are told. Codes of errors tell themselves. */
const OUTCOMES: Readonly<Record<string, string>> = {
  kafka: 'in Kafka',
  spool: 'on disk',
  'dead-letter': 'dead letter',
  dropped: 'dropped by a rule',
};

const CHOICES: readonly (readonly [value: string, label: string])[] = [
  ['', 'all'],
  ['taken', 'all that is taken'],
  ['refused', 'all that is refused'],
  ...Object.entries(OUTCOMES),
  ['invalid_request', 'invalid_request'],
  ['unauthorized', 'unauthorized'],
  ['forbidden', 'forbidden'],
  ['not_found', 'not_found'],
  ['unavailable', 'unavailable'],
];

export function arrivalRow(row: OutcomeRow): Html {
  const isTaken = TAKEN.has(row.outcome);
  const kind = row.outcome === 'spool' ? 'warn' : isTaken ? 'good' : 'bad';
  const what = [...row.deviations, ...(row.reason === undefined ? [] : [row.reason])].join(', ');
  return html`<tr>
    <td>${time(row.time)}</td>
    <td class="${kind}">${OUTCOMES[row.outcome] ?? row.outcome}</td>
    <td class="long">${name(what === '' ? undefined : what)}</td>
    <td class="long">${name(row.job)}</td>
    <td class="long">${name(row.namespace)}</td>
    <td>${row.type ?? row.kind}</td>
    <td class="id">${name(row.run)}</td>
    <td class="long">${name(row.sender)}</td>
    <td class="number">${row.bytes === undefined ? name(undefined) : bytes(row.bytes)}</td>
    <td>${name(placeText(row.topic, row.partition, row.offset))}</td>
    <td class="number">${row.took_ms === undefined ? name(undefined) : `${row.took_ms} ms`}</td>
    <td class="id">${name(row.request_id)}</td>
  </tr>`;
}

/** `rows` are the latest ones that fit the filter, the latest first. */
export function arrivals(rows: readonly OutcomeRow[], filter: RowFilter, base: string, last: number): Html {
  const field = (key: Exclude<keyof RowFilter, 'outcome'>) =>
    html`<label
      >${LABELS[key]} <input name="${key}" value="${filter[key]}" dir="auto" autocomplete="off"
    /></label>`;
  return html`<section aria-labelledby="h-arrivals">
    <h2 id="h-arrivals">What arrives</h2>
    <form method="get" action="${base}/" id="filter" role="search">
      ${filterNames.filter((key) => key !== 'outcome').map(field)}
      <label
        >Outcome
        <select name="outcome">
          ${CHOICES.map(
            ([value, label]) =>
              html`<option value="${value}" ${value === filter.outcome ? html` selected` : ''}>
                ${label}
              </option>`,
          )}
        </select></label
      >
      <button>Filter</button>
      <button type="button" id="live" hidden aria-pressed="true">Stop</button>
    </form>
    <p id="state" role="status">
      The last ${rows.length} of at most 1,000 that are remembered. Load the page again for new ones.
    </p>
    <p id="empty" ${rows.length > 0 ? html` hidden` : ''}>
      Nothing has arrived that fits. If nothing is here without a filter either, no request has reached this
      proxy: compare the URL in the settings of the engine with <a href="#h-connect">Connect</a>, and read the
      log of the engine. Bodies and facets are never shown.
    </p>
    ${table('What arrives', HEAD, rows.map(arrivalRow), 'rows')}
    ${
      rows.length >= last &&
      html`<p id="more"><a href="${base}/?rows=1000#h-arrivals">Show up to 1,000</a></p>`
    }
  </section>`;
}

const LABELS = { job: 'Job', namespace: 'Namespace', sender: 'Sender', text: 'Any text' };
