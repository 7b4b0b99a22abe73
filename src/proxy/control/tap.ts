/** `http2kafka tap`: what becomes of events, as lines over the control socket. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LiveStreams, StreamForm } from '../../page/live-streams.ts';
import { filterFrom, fits, type OutcomeRow } from '../../page/outcome-row.ts';

/** Most programs that watch at once. The other connections of the socket stay for commands. */
export const MAX_TAPS = 2;

/** What a program reads of the proxy. */
export type Outcomes = Pick<LiveStreams, 'hasRoom' | 'open' | 'close'>;

const LINES: StreamForm = {
  rows(rows: readonly OutcomeRow[], skipped: number): string {
    const lines = rows.map((row) => JSON.stringify({ ...row, time: new Date(row.time).toISOString() }));
    if (skipped > 0) lines.unshift(JSON.stringify({ skipped }));
    return lines.map((line) => `${line}\n`).join('');
  },
  silence: '\n',
};

/** Answers with lines until one of both ends. Returns the status of a refusal; undefined if the answer has begun. */
export function tap(
  request: IncomingMessage,
  response: ServerResponse,
  outcomes: Outcomes,
): number | undefined {
  const { searchParams } = new URL(request.url ?? '', 'http://proxy');
  const last = Number(searchParams.get('last') ?? '0');
  if (!Number.isInteger(last) || last < 0) return 400;
  if (!outcomes.hasRoom) return 503;
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  response.flushHeaders();
  const filter = filterFrom((name) => searchParams.get(name) ?? '');
  outcomes.open(response, (row) => fits(row, filter), LINES, 0, last);
  if (searchParams.get('follow') === 'no') response.end();
  return undefined;
}
