/**
 * The page at `/`: what arrives, what is refused, and where things stand. It answers with HTML that is readable without
 * script, a style, a script, and a stream of server-sent events.
 */
import { existsSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Way } from '../../../auth/sender.ts';
import { LRUCache } from 'lru-cache';
import { refusal } from '../../../errors.ts';
import { arrivalRow } from '../../../page/html/arrivals.ts';
import { changingParts, document, type PageFacts } from '../../../page/html/document.ts';
import type { LiveStreams, StreamForm } from '../../../page/live-streams.ts';
import { filterFrom, fits, type OutcomeRow } from '../../../page/outcome-row.ts';
import { SenderScope } from '../../../page/scope.ts';
import { withoutOperation, type StandingReader } from '../../../page/standing.ts';
import type { Watch } from '../../../page/watch.ts';
import type { KnownSender } from '../../../pipeline/arrival.ts';
import { packageFolder } from '../../../support/packages/package-folder.ts';
import { TokenBucket } from '../../../support/token-bucket.ts';
import { localUrl } from '../../paths.ts';
import { contentSecurityPolicy, discardBody, JSON_TYPE, writeHtml, writePage } from '../page-answer.ts';
import { PageReaders, TOO_MANY_READERS } from '../page-readers.ts';
import type { Monitoring } from '../monitoring.ts';
import type { LoginPages } from './login-pages.ts';
import type { Access, PageAccess, Seen } from './page-access.ts';

export interface OverviewSettings {
  /** '' for none. */
  readonly rootPath: string;
  readonly https: boolean;
  /** The ways in which senders are recognised. */
  readonly ways: readonly Way[];
}

export interface OverviewParts {
  readonly watch: Watch;
  readonly streams: LiveStreams;
  /** Those of senders are apart: they take no stream from users. */
  readonly streamsOfSenders: LiveStreams;
  readonly standing: StandingReader;
  readonly access: PageAccess;
  /** Undefined if no one can log in. */
  readonly login: LoginPages | undefined;
  /** Answers refusals, and has them logged. */
  readonly monitoring: Pick<Monitoring, 'refuse'>;
}

/** The page has a form, which the other pages have not. */
const CONTENT_SECURITY_POLICY = contentSecurityPolicy("'self'");

/** Rows of the page as it is loaded, and of the whole memory. */
const FIRST_ROWS = 100;
const MAX_ROWS = 1000;

/**
 * Pages, parts and streams that begin in a second, for all senders and for one of them. Each takes a few milliseconds from
 * the events.
 */
const ANSWERS_TO_SENDERS = 20;
const ANSWERS_TO_ONE = 10;

/** Senders whose answers are counted. One that is forgotten begins again. */
const MAX_COUNTED = 1000;

const ASSETS: Readonly<Record<string, string>> = {
  'page.css': 'text/css; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
};

const ROOT = '/';
const FOLDER = '/page/';

const HIDDEN = 'The page is shown to the machine of the proxy only. Settings below server.page change that';

export class Overview {
  readonly #settings: OverviewSettings;
  readonly #parts: OverviewParts;
  readonly #readers = new PageReaders();
  readonly #senders = {
    readers: new PageReaders(),
    answers: new TokenBucket(ANSWERS_TO_SENDERS),
    answersToOne: new LRUCache<string, TokenBucket>({ max: MAX_COUNTED }),
  };
  readonly #assets = new Map<string, string>();

  /** Reads the style and the script now: later the process may have no open files left. */
  constructor(settings: OverviewSettings, parts: OverviewParts) {
    this.#settings = settings;
    this.#parts = parts;
    for (const name of Object.keys(ASSETS)) this.#assets.set(name, readAsset(name));
  }

  /** True if `handle` answers this request. `path` has no query, root path and slash at its end. */
  serves(request: IncomingMessage, path: string): boolean {
    const { access, login } = this.#parts;
    if (path.startsWith(FOLDER)) {
      return login?.isCallback(path) === true || !access.isHidden(request);
    }
    return path === ROOT && isGet(request) && takesHtml(request);
  }

  /** Answers a request that it serves. The headers of every page are already set. Never throws. */
  handle(request: IncomingMessage, response: ServerResponse, path: string, requestId: string): void {
    const { access, login, streams } = this.#parts;
    response.setHeader('content-security-policy', CONTENT_SECURITY_POLICY);
    // The page asks every few seconds. Its connection would never be idle, and the proxy waits for that.
    if (streams.isClosed) response.shouldKeepAlive = false;
    if (login?.serves(path) === true && (login.isCallback(path) || !access.isHidden(request))) {
      // The page of a provider leads to the callback. Its cookie decides, not where the request is from.
      login.handle(request, response, path, queryOf(request, this.#settings.rootPath), requestId);
      return;
    }
    const allowed = access.accessOf(request);
    if (!(allowed instanceof Promise)) {
      this.#answer(request, response, path, requestId, allowed);
      return;
    }
    const answered = allowed.then((now) => {
      // The readers of a closed answer would be counted for ever.
      if (!response.destroyed) this.#answer(request, response, path, requestId, now);
    });
    answered.catch(() => response.destroy());
  }

  #answer(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    requestId: string,
    allowed: Access,
  ): void {
    const { login, monitoring } = this.#parts;
    const refuse = (code: 'not_found' | 'internal' | 'method_not_allowed', message?: string) =>
      discardBody(request, () => monitoring.refuse(request, response, requestId, refusal(code, message)));
    if (allowed.kind === 'hidden') {
      refuse('not_found', HIDDEN);
    } else if (!isGet(request)) {
      refuse('method_not_allowed', 'This page is only read');
    } else if (this.#assets.has(path.slice(FOLDER.length)) && path.startsWith(FOLDER)) {
      const name = path.slice(FOLDER.length);
      discardBody(request, () =>
        writePage(response, 200, { 'content-type': ASSETS[name] ?? '' }, this.#assets.get(name) ?? ''),
      );
    } else if (allowed.kind === 'login') {
      if (path === ROOT && login) login.show(response);
      else refuse('not_found', HIDDEN);
    } else if (path !== ROOT && path !== `${FOLDER}parts` && path !== `${FOLDER}stream`) {
      refuse('not_found');
    } else if (allowed.sender && !this.#mayAnswer(ownerOf(allowed.sender))) {
      monitoring.refuse(request, response, requestId, TOO_MANY_READERS);
    } else if (path === `${FOLDER}stream`) {
      this.#stream(request, response, requestId, allowed);
    } else if (!(allowed.sender ? this.#senders.readers : this.#readers).admit(response)) {
      monitoring.refuse(request, response, requestId, TOO_MANY_READERS);
    } else {
      const answer =
        path === ROOT
          ? this.#answerPage(request, response, allowed)
          : this.#answerParts(request, response, allowed);
      discardBody(request, () => undefined);
      answer.catch(() => refuse('internal'));
    }
  }

  /** The bucket of the sender first: what is refused for it takes nothing from others. */
  #mayAnswer(owner: string): boolean {
    const { answers, answersToOne } = this.#senders;
    let own = answersToOne.get(owner);
    if (!own) answersToOne.set(owner, (own = new TokenBucket(ANSWERS_TO_ONE)));
    return own.take() && answers.take();
  }

  async #answerPage(request: IncomingMessage, response: ServerResponse, seen: Seen): Promise<void> {
    const query = queryOf(request, this.#settings.rootPath);
    const filter = filterFrom((name) => query.get(name) ?? '');
    const asked = Number(query.get('rows') ?? FIRST_ROWS);
    const most = Number.isInteger(asked) && asked > 0 ? Math.min(asked, MAX_ROWS) : FIRST_ROWS;
    const scope = scopeOf(seen);
    const rows = this.#parts.watch
      .rowsAfter(0)
      .filter((row) => (scope?.showsRow(row) ?? true) && fits(row, filter))
      .slice(-most)
      .reverse();
    const facts = await this.#facts(request, seen);
    writeHtml(response, 200, document(facts, rows, filter, most < MAX_ROWS ? most : MAX_ROWS + 1));
  }

  async #answerParts(request: IncomingMessage, response: ServerResponse, seen: Seen): Promise<void> {
    const facts = await this.#facts(request, seen);
    writePage(response, 200, { 'content-type': JSON_TYPE }, JSON.stringify(changingParts(facts)));
  }

  async #facts({ headers }: IncomingMessage, seen: Seen): Promise<PageFacts> {
    const { watch, standing } = this.#parts;
    const { rootPath, https, ways } = this.#settings;
    const address = `${https ? 'https' : 'http'}://${headers.host ?? 'localhost'}${rootPath}`;
    const now = await standing.read();
    const common = { base: rootPath, connect: { address, ways }, user: seen.user };
    const scope = scopeOf(seen);
    return scope
      ? { ...common, scope, memory: scope.partOf(watch), standing: withoutOperation(now) }
      : { ...common, scope, memory: watch, standing: now };
  }

  #stream(request: IncomingMessage, response: ServerResponse, requestId: string, seen: Seen): void {
    const { watch, monitoring } = this.#parts;
    const { sender } = seen;
    const owner = sender && ownerOf(sender);
    const streams = sender ? this.#parts.streamsOfSenders : this.#parts.streams;
    if (owner === undefined ? !streams.hasRoom : !streams.hasRoomFor(owner)) {
      monitoring.refuse(request, response, requestId, TOO_MANY_READERS);
      return;
    }
    const query = queryOf(request, this.#settings.rootPath);
    // A browser that connects again says what it has had last. After a restart of the proxy, that number is too large.
    const asked = Number(request.headers['last-event-id'] ?? query.get('after') ?? 0);
    // The numbers count the outcomes of all senders. A sender gets none: its rows are sent again.
    const isNumbered = sender === undefined;
    const isNew = !isNumbered || asked > watch.sequence;
    const after = Number.isFinite(asked) && !isNew ? asked : 0;
    const filter = filterFrom((name) => query.get(name) ?? '');
    const scope = scopeOf(seen);
    const wants = (row: OutcomeRow) => (scope?.showsRow(row) ?? true) && fits(row, filter);
    response.setHeader('content-type', 'text/event-stream');
    // nginx would keep the rows back otherwise.
    response.setHeader('x-accel-buffering', 'no');
    response.setHeader('connection', 'close');
    response.writeHead(200);
    if (request.method === 'HEAD') response.end();
    else {
      const form = eventsOf(() => (isNumbered ? watch.sequence : 0), isNew);
      const mayGoOn = this.#parts.access.mayGoOnOf(request, seen);
      const reader = seen.user === undefined ? undefined : { mayGoOn, owner };
      streams.open(response, wants, form, after, MAX_ROWS, reader);
    }
  }
}

/** Two senders may have one name. */
function ownerOf({ sender: { way, name } }: KnownSender): string {
  return `${way} ${name}`;
}

function scopeOf({ sender }: Seen): SenderScope | undefined {
  return sender && new SenderScope(sender.sender, sender.limits);
}

/**
 * The rows as server-sent events: the HTML of the table's rows, the latest first, and the number of the last one. `isNew`:
 * they take the place of all rows that the browser has.
 */
function eventsOf(sequenceNow: () => number, isNew: boolean): StreamForm {
  let restarted = isNew;
  return {
    rows(rows: readonly OutcomeRow[], skipped: number): string {
      const html = rows.map((row) => arrivalRow(row).text).reverse();
      const sequence = sequenceNow();
      const data = JSON.stringify({ html: html.join(''), sequence, skipped, restarted });
      restarted = false;
      return `retry: 3000\nid: ${sequence}\ndata: ${data}\n\n`;
    },
    silence: ':\n\n',
  };
}

function isGet({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** A program that asks for JSON, or does not say, is told as before that there is nothing at `/`. */
function takesHtml({ headers: { accept = '' } }: IncomingMessage): boolean {
  return accept.includes('text/html') || accept.includes('*/*');
}

function queryOf({ url = '' }: IncomingMessage, rootPath: string): URLSearchParams {
  const local = localUrl(url, rootPath);
  const at = local.indexOf('?');
  return new URLSearchParams(at === -1 ? '' : local.slice(at));
}

/** From the sources, or from dist/ of an installed program. */
function readAsset(name: string): string {
  const inSources = join(packageFolder, 'src', 'page', 'assets', name);
  return readFileSync(existsSync(inSources) ? inSources : join(packageFolder, 'dist', 'page', name), 'utf8');
}
