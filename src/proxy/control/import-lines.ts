/** `POST /spool/import` of the control server: the running proxy takes exported events, as if it had received them. */
import { isKept, type Delivered, type EventDelivery } from '../../delivery/port.ts';
import { errorText } from '../../support/error-text.ts';
import { importRecord } from './exported-record.ts';

/** Bytes of a body, at most. One event of the largest size fits into it, also as base64. */
export const MAX_IMPORT_BYTES = 64 * 1024 * 1024;

/** What has become of a line. Its number is its place in the body, from 0. */
export interface ImportedLine {
  readonly line: number;
  /**
   * - `kafka`, `spool`: the event is there, and safe.
   * - `failed`: it cannot be kept now. `broken`: it is not an exported event. `reason` says why.
   */
  readonly outcome: 'kafka' | 'spool' | 'failed' | 'broken';
  readonly reason?: string;
}

const LINE_FEED = 0x0a;

/** Hands the events of all lines to the delivery, in their order, and tells of each. */
export async function importLines(
  body: Buffer,
  delivery: Pick<EventDelivery, 'deliver'>,
  tell: (imported: ImportedLine) => Promise<boolean>,
): Promise<void> {
  const outcomes = [...linesOf(body)].map((line) => begin(line, delivery));
  for (const [line, outcome] of outcomes.entries()) await tell({ line, ...(await outcome) });
}

type Outcome = Omit<ImportedLine, 'line'>;

function begin(line: Buffer, delivery: Pick<EventDelivery, 'deliver'>): Promise<Outcome> {
  try {
    return delivery.deliver(importRecord(line)).then(outcomeOf);
  } catch (error) {
    return Promise.resolve({ outcome: 'broken', reason: errorText(error) });
  }
}

function outcomeOf(delivered: Delivered): Outcome {
  if (isKept(delivered)) return { outcome: delivered.kind === 'acknowledged' ? 'kafka' : 'spool' };
  const reason = delivered.kind === 'too-large' ? 'its topic takes no event so large' : delivered.reason;
  return { outcome: 'failed', reason };
}

function* linesOf(body: Buffer): Generator<Buffer> {
  for (let from = 0; from < body.length;) {
    const end = body.indexOf(LINE_FEED, from);
    yield body.subarray(from, end === -1 ? body.length : end);
    from = end === -1 ? body.length : end + 1;
  }
}
