/** What a process finds on disk when it starts: the events that an earlier one has left, with their marks. */
import { decodeParked } from '../../../src/delivery/parked/parked-record.ts';
import { decodeRecord } from '../../../src/delivery/spooled-record.ts';
import { Mark } from '../../../src/spool/marks.ts';
import {
  decodeMarksHeader,
  decodeReference,
  findFrames,
  MARKS_HEADER_SIZE,
  parseName,
} from '../../../src/spool/segment-format.ts';
import { bodyIn, bodyPath } from '../../../src/spool/shared/bodies.ts';

export interface FoundEvent {
  /** The request that brought it. */
  readonly requestId: string;
  /** Of the file that has it. */
  readonly path: string;
  /** Its mark says that it was sent, and not answered. */
  readonly isSent: boolean;
}

/** The undelivered events of the spool, by `path → bytes`. */
export function foundEvents(files: ReadonlyMap<string, Buffer>): FoundEvent[] {
  const found: FoundEvent[] = [];
  for (const [path, bytes] of files) {
    const name = parseName(path.slice(path.lastIndexOf('/') + 1));
    if (!name) continue;
    const marks = files.get(path.replace(/log$/, 'marks')) ?? Buffer.alloc(0);
    const count = decodeMarksHeader(name.seed, marks) ?? Number.POSITIVE_INFINITY;
    for (const { ordinal, payload, arrivedAt, isReference } of findFrames(bytes, name.seed)) {
      // What a failed write has left behind the last event.
      if (ordinal >= count) continue;
      const mark = marks[MARKS_HEADER_SIZE + ordinal];
      if (mark === Mark.delivered) continue;
      const event = isReference ? bodyOf(files, payload) : payload;
      const requestId = event ? requestOf(path, event, arrivedAt) : '';
      found.push({ requestId, path, isSent: mark === Mark.sent });
    }
  }
  return found;
}

/** The event that a reference names; undefined if its file is gone. */
function bodyOf(files: ReadonlyMap<string, Buffer>, payload: Buffer): Buffer | undefined {
  const reference = decodeReference(payload);
  const bytes = files.get(bodyPath('/spool/topics', reference));
  return bytes && bodyIn(bytes, 0, reference);
}

function requestOf(path: string, payload: Buffer, arrivedAt: number): string {
  const event = path.includes('/parked/') ? decodeParked('', payload, arrivedAt).payload : payload;
  const { headers } = decodeRecord('', event, arrivedAt);
  return headers.find(({ name }) => name.toString() === 'correlation_id')?.value.toString() ?? '';
}
