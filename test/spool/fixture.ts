import { join } from 'node:path';

import { Mark } from '../../src/spool/marks.ts';

/** A spool of format version 1. */
export const FIXTURE = join(import.meta.dirname, 'fixtures', 'version-1');

export interface FixtureEvent {
  readonly arrivedAt: number;
  readonly payload: Buffer;
  readonly mark: typeof Mark.kept | typeof Mark.delivered | typeof Mark.sent;
  /** How its segment ended: closed, or left open by a kill. */
  readonly segment: 'close' | 'kill';
}

/** All events of the fixture, in order. */
export const FIXTURE_EVENTS: readonly FixtureEvent[] = [
  { arrivedAt: 1_700_000_000_000, payload: Buffer.from('{"first":true}'), mark: Mark.kept, segment: 'close' },
  { arrivedAt: 1_700_000_000_001, payload: Buffer.from('delivered'), mark: Mark.delivered, segment: 'close' },
  { arrivedAt: 1_700_000_000_002.5, payload: Buffer.alloc(0), mark: Mark.sent, segment: 'close' },
  { arrivedAt: 1_700_000_000_003, payload: Buffer.from('H2KE in it, é'), mark: Mark.kept, segment: 'close' },
  { arrivedAt: 1_700_000_100_000, payload: Buffer.alloc(1000, 'x'), mark: Mark.delivered, segment: 'kill' },
  { arrivedAt: 1_700_000_100_001, payload: Buffer.from([0, 1, 254, 255]), mark: Mark.kept, segment: 'kill' },
  { arrivedAt: 1_700_000_100_002, payload: Buffer.from('last'), mark: Mark.kept, segment: 'kill' },
];

/** A spool of format versions 2 and 3: events of several topics. */
export const SHARED_FIXTURE = join(import.meta.dirname, 'fixtures', 'version-3');

/** All events of that fixture, in order. The first topic of each has its bytes. */
export const SHARED_EVENTS = [
  { arrivedAt: 1_800_000_000_000, payload: Buffer.from('{"both":1}'), topics: ['a', 'b'], delivered: 'a' },
  { arrivedAt: 1_800_000_000_001, payload: Buffer.from('b only'), topics: ['b'], delivered: undefined },
  { arrivedAt: 1_800_000_000_002.5, payload: Buffer.alloc(2000, 'H2KR'), topics: ['a', 'b'], delivered: 'b' },
  { arrivedAt: 1_800_000_000_003, payload: Buffer.from('a only'), topics: ['a'], delivered: 'a' },
  { arrivedAt: 1_800_000_000_004, payload: Buffer.alloc(0), topics: ['a', 'b'], delivered: undefined },
] as const;
