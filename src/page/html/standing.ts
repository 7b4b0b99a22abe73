/** Where things stand, for people. */
import type { QueueState } from '../../delivery/port.ts';
import type { ShownSetting, Standing, TopicStanding, UsedLimit } from '../standing.ts';
import { bytes, count, duration, html, name, table, time, type Html } from './html.ts';

const STATES: Readonly<Record<QueueState, string>> = {
  straight: 'events go to Kafka',
  spooling: 'events go to disk',
  draining: 'the disk is delivered to Kafka',
};

/** Milliseconds for which a refusal makes the summary a warning. Scans of the internet are refused as well. */
const REFUSED_MS = 10 * 60_000;

/** What is refused, and what consumers would drop, since the proxy started. */
export interface Losses {
  /** False if certainly no event was taken. */
  readonly taken: boolean;
  /** Empty if all this counts the events of all senders. */
  readonly ofSender: '' | ' of this sender';
  readonly refused: number;
  /** Milliseconds since the epoch; undefined without a refusal. */
  readonly lastRefusedAt: number | undefined;
  readonly dropped: number;
}

/** One line at the top of the page. What does not arrive is there, too: the line must not be green without it. */
export function summary(
  { topics, warnings, spooledEvents, now }: Standing,
  { taken, ofSender, refused, lastRefusedAt, dropped }: Losses,
): Html {
  const unkept = topics.filter(({ problem }) => problem !== undefined);
  const troubled = topics.filter(
    ({ kafkaProblem, state }) => kafkaProblem !== undefined || state === 'spooling',
  );
  const [kind, text] =
    unkept.length > 0
      ? ['bad', 'Events are refused: they can be kept neither in Kafka nor on disk.']
      : troubled.length > 0
        ? [
            'warn',
            `Kafka is unavailable. Events are kept on disk: ${count(spooledEvents)}. They go to Kafka in their order when it is available again.`,
          ]
        : spooledEvents > 0
          ? ['warn', `Kafka is there. Events are delivered from disk: ${count(spooledEvents)}.`]
          : [
              lastRefusedAt !== undefined && now - lastRefusedAt < REFUSED_MS ? 'warn' : 'good',
              taken
                ? 'Events go to Kafka.'
                : `Kafka is available. No event${ofSender} has been taken since the proxy started.`,
            ];
  return html`<p class="summary ${kind}" role="status">
    ${text}${lastRefusedAt !== undefined && html` <a href="#h-refused">Refused: ${count(refused)}</a>, the last at ${time(lastRefusedAt)} UTC.`}${dropped > 0 && html` <a href="#h-quality">Consumers would drop: ${count(dropped)}</a>.`}${warnings.length > 0 && html` <a href="#h-standing">Warnings: ${warnings.length}</a>`}
  </p>`;
}

export function standing(now: Standing): Html {
  return html`<section aria-labelledby="h-standing">
    <h2 id="h-standing">Where things stand</h2>
    ${
      now.warnings.length > 0 &&
      html`<ul class="warnings">
        ${now.warnings.map((warning) => html`<li><bdi>${warning}</bdi></li>`)}
      </ul>`
    }
    ${table(
      'Topics',
      ['Topic', 'State', 'Kafka', '#On disk', '#Bytes on disk', 'Oldest', 'Empty'],
      now.topics.map((topic) => topicRow(topic, now.now)),
    )}
    ${
      now.parked.length > 0 &&
      html`<p>
        Parked on disk, because no topic takes them:
        ${now.parked.map(
          ({ topic, events, bytes: size }) =>
            html`<bdi>${topic}</bdi>: ${count(events)} ${events === 1 ? 'event' : 'events'}, ${bytes(size)}. `,
        )}See <code>http2kafka spool</code>.
      </p>`
    }
    ${
      now.limits.length > 0 &&
      html`<h3>Limits</h3>
        ${table('Limits', ['Limit', '#Used', '#At most', 'Share'], now.limits.map(limitRow))}`
    }
    ${now.settings.length > 0 && settings(now.settings)}
    <p>http2kafka ${now.version}, running for ${duration(now.now - now.startedAt)}.</p>
  </section>`;
}

function settings(all: readonly ShownSetting[]): Html {
  const set = all.filter(({ place }) => place !== undefined);
  return html`<h3>Settings in force</h3>
    <details>
      <summary>Those that were set: ${count(set.length)}</summary>
      ${table('Settings that were set', ['Setting', 'Value', 'From'], set.map(settingRow))}
    </details>
    <details>
      <summary>All settings</summary>
      ${table('All settings', ['Setting', 'Value', 'From'], all.map(settingRow))}
    </details>`;
}

function topicRow(topic: TopicStanding, now: number): Html {
  const { state, kafkaProblem, problem, spooledEvents, spooledBytes, oldestSpooledAt, drainRate } = topic;
  const empty =
    drainRate === undefined
      ? state === 'spooling' && spooledEvents > 0
        ? 'after Kafka is available again'
        : undefined
      : `in ${duration((spooledEvents / drainRate) * 1000)}, at ${count(Math.round(drainRate))} events a second`;
  return html`<tr>
    <td>${name(topic.topic)}</td>
    <td class="${state === 'straight' ? 'good' : 'warn'}">${STATES[state]}</td>
    <td class="wide">${problem ?? kafkaProblem ?? 'ok'}</td>
    <td class="number">${count(spooledEvents)}</td>
    <td class="number">${bytes(spooledBytes)}</td>
    <td>${oldestSpooledAt === undefined ? name(undefined) : duration(now - oldestSpooledAt)}</td>
    <td>${name(empty)}</td>
  </tr>`;
}

function limitRow({ name: label, used, limit, unit }: UsedLimit): Html {
  const share = limit > 0 ? Math.min(1, used / limit) : 0;
  const text = (value: number) => (unit === 'bytes' ? bytes(value) : count(value));
  const kind = share >= 0.95 ? 'bad' : share >= 0.8 ? 'warn' : 'good';
  return html`<tr>
    <td>${label}</td>
    <td class="number">${text(used)}</td>
    <td class="number">${text(limit)}</td>
    <td class="${kind}">
      <meter min="0" max="1" high="0.8" value="${share.toFixed(3)}" aria-label="${label}"></meter>
      ${Math.round(share * 100)} %
    </td>
  </tr>`;
}

function settingRow({ name: label, value, place }: ShownSetting): Html {
  const text = value === '*****' ? '*****' : JSON.stringify(value);
  return html`<tr>
    <td><code>${label}</code></td>
    <td class="wide">
      <code><bdi>${text}</bdi></code>
    </td>
    <td class="wide">${name(place)}</td>
  </tr>`;
}
