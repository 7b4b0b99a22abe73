/** The whole page. It is readable without script; the script only brings what is new. */
import type { OutcomeRow, RowFilter } from '../outcome-row.ts';
import type { Memory, SenderScope } from '../scope.ts';
import type { Standing } from '../standing.ts';
import { arrivals } from './arrivals.ts';
import { connect, type ConnectFacts } from './connect.ts';
import { html, Html } from './html.ts';
import { refusals } from './refusals.ts';
import { quality, runs } from './runs.ts';
import { standing, summary, type Losses } from './standing.ts';

/** What a page shows. */
export interface PageFacts {
  /** The root path, without a slash at its end. */
  readonly base: string;
  readonly memory: Memory;
  /** Undefined if the page shows everything. */
  readonly scope: SenderScope | undefined;
  readonly standing: Standing;
  readonly connect: ConnectFacts;
  /** The user who is logged in, if that was necessary. */
  readonly user: string | undefined;
}

/** The parts that change. The script replaces each element of this id. */
export function changingParts({ memory, scope, standing: now }: PageFacts): Readonly<Record<string, string>> {
  return {
    summary: summary(now, lossesOf(memory, scope)).text,
    ...(scope && { scope: ownPart(scope).text }),
    refused: refusals(memory.refusals.groups, memory.refusals.forgotten).text,
    runs: runs(memory.runs).text,
    quality: quality(memory.quality.all).text,
    standing: standing(now).text,
  };
}

function ownPart({ sender, hasNamespaces }: SenderScope): Html {
  return html`<p>
    You see what concerns the sender <bdi>${sender}</bdi>:
    ${hasNamespaces ? 'events and runs in its namespaces' : 'its own events and runs'}, its own refusals and
    dead letters, and the quality of its own events. A request without a valid key has no known sender: ask
    the operator of this proxy.
  </p>`;
}

function lossesOf({ refusals: { groups }, quality: { all, isWhole } }: Memory, scope?: SenderScope): Losses {
  return {
    taken: all.length > 0 || !isWhole,
    ofSender: scope ? ' of this sender' : '',
    refused: groups.reduce((sum, { count }) => sum + count, 0),
    lastRefusedAt: groups[0]?.lastAt,
    dropped: all.flatMap(({ drops }) => drops).reduce((sum, [, , number]) => sum + number, 0),
  };
}

const SECTIONS: readonly (readonly [id: string, label: string])[] = [
  ['h-arrivals', 'Events'],
  ['h-refused', 'Refused'],
  ['h-runs', 'Runs'],
  ['h-quality', 'Quality'],
  ['h-standing', 'State'],
  ['h-connect', 'Connect'],
];

/** `rows` are the latest ones that fit the filter, the latest first. At most `last` were asked for. */
export function document(
  facts: PageFacts,
  rows: readonly OutcomeRow[],
  filter: RowFilter,
  last: number,
): Html {
  const { base, user, scope } = facts;
  const parts = changingParts(facts);
  const element = (id: string) => html`<div id="${id}">${new Html(parts[id] ?? '')}</div>`;
  return frame(
    base,
    html`<header>
        <h1>http2kafka</h1>
        ${element('summary')}
        <nav aria-label="Sections">
          <ul>
            ${SECTIONS.map(([id, label]) => html`<li><a href="#${id}">${label}</a></li>`)}
          </ul>
        </nav>
        ${user !== undefined && html`<form method="post" action="${base}/page/logout"><bdi>${user}</bdi> <button>Log out</button></form>`}
      </header>
      <main>
        ${scope !== undefined && element('scope')} ${arrivals(rows, filter, base, last)}
        ${element('refused')}${element('runs')}${element('quality')}${element('standing')}
        ${connect(facts.connect)}
      </main>
      <script src="${base}/page/page.js" data-base="${base}" defer></script>`,
  );
}

/** The ways to log in. */
export interface LoginWays {
  readonly passwords: boolean;
  /** Where a login at an OpenID provider begins; undefined without a provider. */
  readonly provider: string | undefined;
  /** What senders log in with; undefined if they cannot. */
  readonly senders: { readonly keys: boolean; readonly certificates: boolean } | undefined;
}

/** The form for users of the page, and for senders. `message` says why an attempt has failed. */
export function loginDocument(base: string, ways: LoginWays, message: string | undefined): Html {
  const { passwords, provider, senders } = ways;
  return frame(
    base,
    html`<header><h1>http2kafka</h1></header>
      <main>
        <section aria-labelledby="h-login">
          <h2 id="h-login">Log in</h2>
          ${message !== undefined && html`<p class="bad" role="alert">${message}</p>`}
          ${provider !== undefined && html`<p><a href="${provider}">Log in with your organization's account</a></p>`}
          ${passwords && passwordForm(base)} ${senders?.keys === true && keyForm(base)}
          ${senders?.certificates === true && certificateForm(base)}
        </section>
      </main>`,
  );
}

function passwordForm(base: string): Html {
  return html`<form method="post" action="${base}/page/login">
    <label>Name <input name="name" autocomplete="username" required maxlength="256" /></label>
    <label
      >Password
      <input name="password" type="password" autocomplete="current-password" required maxlength="1024"
    /></label>
    <button>Log in</button>
  </form>`;
}

function keyForm(base: string): Html {
  return html`<form method="post" action="${base}/page/login">
    <label
      >Key or token of a sender
      <input name="credential" type="password" autocomplete="off" required maxlength="16384"
    /></label>
    <button>Log in as a sender</button>
  </form>`;
}

/** Without a key or a token, the certificate of the connection counts. */
function certificateForm(base: string): Html {
  return html`<form method="post" action="${base}/page/login">
    <input type="hidden" name="credential" value="" />
    <button>Log in with the certificate of this browser</button>
  </form>`;
}

/**
 * Leads on to the page. A browser sends a cookie with SameSite=Strict only if a page of this site leads there, which a
 * redirect from the provider's site does not.
 */
export function loggedInDocument(base: string): Html {
  return frame(
    base,
    html`<main>
      <p>You are logged in. <a href="${base}/">Go on to the page</a></p>
    </main>`,
    html`<meta http-equiv="refresh" content="0; url=${base}/" />`,
  );
}

function frame(base: string, body: Html, head?: Html): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>http2kafka</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="${base}/page/page.css" />
        ${head}
      </head>
      <body>
        ${body}
      </body>
    </html> `;
}
