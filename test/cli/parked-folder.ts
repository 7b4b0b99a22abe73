/** A spool folder with parked events, as a proxy leaves it. */
import { pino } from 'pino';
import { ParkedEvents } from '../../src/delivery/parked/parked-events.ts';
import { encodeRecord } from '../../src/delivery/spooled-record.ts';
import { recordHeader } from '../../src/kafka/record.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import { Spool } from '../../src/spool/spool.ts';
import { systemTime } from '../../src/support/time.ts';

export interface ParkedOnDisk {
  readonly topic: string;
  readonly reason: string;
  readonly value: string;
}

/** Parks these events in the folder, which no proxy uses. */
export async function parkInFolder(path: string, events: readonly ParkedOnDisk[]): Promise<void> {
  const spool = await Spool.open({ path, maxBytes: 1 << 30 }, () => undefined);
  const parked = new ParkedEvents(spool, createMetrics(), pino({ enabled: false }), systemTime);
  for (const [n, { topic, reason, value }] of events.entries()) {
    const record = {
      topic,
      key: Buffer.from('key'),
      value: Buffer.from(value),
      headers: [recordHeader('content-type', 'application/json')],
      timestamp: n,
      arrivedAt: Date.now(),
    };
    const { arrivedAt } = record;
    await new Promise<void>((kept, failed) =>
      parked.park(
        { topic, arrivedAt, parts: encodeRecord(record) },
        { refusal: 'INVALID_RECORD', reason },
        kept,
        () => failed(new Error('not kept')),
      ),
    );
  }
  await spool.close();
}
