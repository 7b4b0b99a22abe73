/** What became of the events: the table of answers, and the file of what was refused. */
import { appendFileSync } from 'node:fs';
import { member } from '../../openlineage/json.ts';
import { tableOf } from '../table.ts';
import type { Answer } from './endpoint.ts';
import { isTaken, type NumberedEvent } from './sending.ts';

export interface AnswerCount {
  readonly status: number;
  /** The header `X-Delivery`. */
  readonly delivery?: string;
  /** The error code of http2kafka. */
  readonly code?: string;
  events: number;
}

/** Characters of an answer that is not http2kafka's, in the file of what was refused. */
const MAX_TEXT = 2000;

export class Outcomes {
  kept = 0;
  /** By a routing rule of http2kafka. */
  dropped = 0;
  refused = 0;
  readonly #counts = new Map<string, AnswerCount>();
  readonly #refusedFile: string;

  /** Refused events are added to this file. It is made for the first one. */
  constructor(refusedFile: string) {
    this.#refusedFile = refusedFile;
  }

  /** The answers, most frequent first. */
  get counts(): readonly AnswerCount[] {
    return [...this.#counts.values()].sort((a, b) => b.events - a.events);
  }

  add(event: NumberedEvent, answer: Answer): void {
    const { status, delivery } = answer;
    const error = isTaken(answer) ? undefined : errorOf(answer.body);
    const code = member(error, 'code');
    const codeText = typeof code === 'string' ? code : undefined;
    const key = [status, delivery, codeText].join();
    const count = this.#counts.get(key) ?? {
      status,
      ...(delivery !== undefined && { delivery }),
      ...(codeText !== undefined && { code: codeText }),
      events: 0,
    };
    count.events += 1;
    this.#counts.set(key, count);
    if (isTaken(answer)) {
      if (delivery === 'dropped') this.dropped += 1;
      else this.kept += 1;
      return;
    }
    this.refused += 1;
    const { file, index, line, bytes } = event;
    const entry = { file, index, line, status, error, event: bytes.toString('utf8') };
    appendFileSync(this.#refusedFile, `${JSON.stringify(entry)}\n`, { mode: 0o600 });
  }
}

/** The error in the answer of http2kafka, or the text of another answer. */
function errorOf(body: string): unknown {
  try {
    const answer: unknown = JSON.parse(body);
    return member(answer, 'error') ?? answer;
  } catch {
    return body.slice(0, MAX_TEXT);
  }
}

/** A table of the answers, with aligned numbers. */
export function answerTable(counts: readonly AnswerCount[]): string {
  const head = 'events';
  const width = Math.max(head.length, ...counts.map(({ events }) => String(events).length));
  const rows = counts.map(({ status, delivery, code = '', events }) => [
    String(status),
    delivery ?? code,
    String(events).padStart(width),
  ]);
  return tableOf([['status', 'delivery or error', head.padStart(width)], ...rows]);
}
