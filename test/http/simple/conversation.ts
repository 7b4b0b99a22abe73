/** What a client sends on one connection, and what it is answered. */
import { setTimeout as sleep } from 'node:timers/promises';
import { RawConnection } from '../../stage/raw-connection.ts';

/** Milliseconds between two segments: enough for the proxy to read the first one, unless it is busy. */
const PAUSE_MS = 3;

/** A connection that is not closed by then is cut. */
const LIMIT_MS = 30_000;

export interface Segment {
  readonly bytes: Buffer;
  /** How many answers the client waits for, before it sends the next segment. */
  readonly answers?: number;
}

export interface Conversation {
  readonly segments: readonly Segment[];
  /** The client closes the connection for writing after the last segment. */
  readonly finishes?: boolean;
}

/** A request after which the connection is closed. */
export const LAST = Buffer.from('GET /monitoring/ping HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n\r\n');

/** All answers until the proxy closes the connection, and how it closes it. The dates and the random ids are taken out. */
export async function answersTo(
  port: number,
  { segments, finishes = false }: Conversation,
  tls = false,
): Promise<readonly string[]> {
  const connection = await RawConnection.open(port, { tls });
  const limit = setTimeout(() => connection.cut(), LIMIT_MS);
  const answers: string[] = [];
  const next = async (): Promise<boolean> => {
    const answer = await connection.answer().catch(() => undefined);
    if (answer) answers.push(withoutChance(answer.bytes));
    return answer !== undefined;
  };
  for (const { bytes, answers: wanted = 0 } of segments) {
    // The proxy may have closed the connection.
    await connection.send(bytes).catch(() => undefined);
    while (answers.length < wanted && (await next()));
    if (wanted === 0) await sleep(PAUSE_MS);
  }
  if (finishes) connection.finish();
  while (await next());
  answers.push(connection.unread, await connection.closed);
  clearTimeout(limit);
  connection.cut();
  return answers;
}

/** The conversation cut into segments at these places. It has no other ones. */
export function cutAt(bytes: Buffer, places: readonly number[]): Segment[] {
  const starts = [0, ...places.toSorted((one, other) => one - other)];
  return starts
    .map((start, index) => ({ bytes: bytes.subarray(start, starts[index + 1]) }))
    .filter((segment) => segment.bytes.length > 0);
}

function withoutChance(answer: string): string {
  return answer
    .replace(/^Date: .*$/m, 'Date: -')
    .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '-');
}
