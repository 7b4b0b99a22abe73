import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { suite, test } from 'node:test';
import {
  LiveStreams,
  MAX_OF_OWNER,
  MAX_ROWS,
  MAX_UNREAD_BYTES,
  type RowSource,
} from '../../src/page/live-streams.ts';
import { filterFrom, fits, type OutcomeRow } from '../../src/page/outcome-row.ts';
import { SimulatedTime } from '../support/simulated-time.ts';

const ALL = () => true;

class Source implements RowSource {
  rows: OutcomeRow[] = [];
  reads = 0;

  get sequence(): number {
    return this.rows.length;
  }

  add(number: number, outcome = 'kafka'): void {
    for (let i = 0; i < number; i++) {
      const sequence = this.rows.length + 1;
      const nowhere = { partition: undefined, offset: undefined };
      const nothing = {
        ...nowhere,
        type: undefined,
        namespace: undefined,
        run: undefined,
        sender: undefined,
        way: undefined,
        bytes: undefined,
        partition: undefined,
        offset: undefined,
      };
      const rest = { ...nothing, topic: undefined, took_ms: undefined, deviations: [], reason: undefined };
      this.rows.push({
        sequence,
        time: 0,
        outcome,
        kind: 'run',
        job: `job ${sequence}`,
        request_id: '',
        ...rest,
      });
    }
  }

  rowsAfter(sequence: number): readonly OutcomeRow[] {
    this.reads += 1;
    return this.rows.slice(sequence);
  }
}

class Reader extends Writable {
  readonly pieces: string[] = [];
  isSlow = false;

  override _write(piece: Buffer, _encoding: string, done: () => void): void {
    this.pieces.push(piece.toString());
    if (!this.isSlow) done();
  }
}

const form = {
  rows: (rows: readonly OutcomeRow[], skipped: number) =>
    `${skipped}:${rows.map(({ sequence }) => sequence).join(',')};`,
  silence: 'silence;',
};

suite('a stream of outcomes', () => {
  test('begins with what was there, and goes on with what comes', async () => {
    const [source, time] = [new Source(), new SimulatedTime()];
    const streams = new LiveStreams(source, 2, time);
    source.add(5);
    const reader = new Reader();
    streams.open(reader, ALL, form, 1, 3);
    source.add(2);
    await time.advance(600);
    assert.equal(reader.pieces.join(''), '0:3,4,5;0:6,7;');
    const other = new Reader();
    const refused = filterFrom((name) => (name === 'outcome' ? 'refused' : ''));
    streams.open(other, (row) => fits(row, refused), form, 0, 10);
    source.add(1);
    source.add(1, 'forbidden');
    await time.advance(600);
    assert.equal(other.pieces.join(''), '0:;0:9;');
  });

  test('leaves rows out where there are too many, and says how many', async () => {
    const [source, time] = [new Source(), new SimulatedTime()];
    const reader = new Reader();
    new LiveStreams(source, 1, time).open(reader, ALL, form, 0, 10);
    source.add(MAX_ROWS + 7);
    await time.advance(600);
    assert.match(reader.pieces[1] ?? '', /^7:8,9,/);
  });

  test('ends with the session of its reader', async () => {
    const [source, time] = [new Source(), new SimulatedTime()];
    const reader = new Reader();
    const answers: ('yes' | 'no' | 'undecided')[] = ['yes', 'undecided', 'yes', 'no'];
    const session = { mayGoOn: () => answers.shift() ?? 'no', owner: undefined };
    new LiveStreams(source, 1, time).open(reader, ALL, form, 0, 10, session);
    source.add(1);
    await time.advance(600);
    assert.equal(reader.pieces.join(''), '0:;0:1;');
    source.add(1);
    await time.advance(600);
    assert.equal(reader.pieces.join(''), '0:;0:1;');
    await time.advance(600);
    assert.equal(reader.pieces.join(''), '0:;0:1;0:2;');
    source.add(1);
    await time.advance(600);
    assert.ok(reader.writableEnded);
    assert.equal(reader.pieces.join(''), '0:;0:1;0:2;');
  });

  test('costs nothing while no one reads', async () => {
    const [source, time] = [new Source(), new SimulatedTime()];
    const streams = new LiveStreams(source, 1, time);
    const reader = new Reader();
    streams.open(reader, ALL, form, 0, 10);
    await time.advance(60_000);
    assert.ok(reader.pieces.includes('silence;') && reader.pieces.length < 10);
    reader.destroy();
    await time.advance(1);
    const { reads } = source;
    assert.equal(streams.count, 0);
    await time.advance(60_000);
    assert.equal(source.reads, reads);
  });

  test('is cut if its reader does not read', async () => {
    const [source, time] = [new Source(), new SimulatedTime()];
    const streams = new LiveStreams(source, 1, time);
    const reader = new Reader();
    reader.isSlow = true;
    streams.open(reader, ALL, { ...form, rows: () => 'x'.repeat(MAX_UNREAD_BYTES / 4) }, 0, 10);
    for (let i = 0; i < 20; i++) {
      source.add(1);
      await time.advance(600);
    }
    assert.ok(!reader.destroyed);
    assert.ok(reader.writableLength <= 1.5 * MAX_UNREAD_BYTES, String(reader.writableLength));
    await time.advance(20_000);
    assert.ok(reader.destroyed);
    assert.equal(streams.count, 0);
  });

  test('leaves room for the streams of others', () => {
    const streams = new LiveStreams(new Source(), MAX_OF_OWNER + 1, new SimulatedTime());
    const reader = { mayGoOn: () => 'yes' as const, owner: 'trino' };
    for (let i = 0; i < MAX_OF_OWNER; i++) {
      assert.ok(streams.hasRoomFor('trino'));
      streams.open(new Reader(), ALL, form, 0, 10, reader);
    }
    assert.ok(!streams.hasRoomFor('trino') && streams.hasRoomFor('dbt'));
    streams.open(new Reader(), ALL, form, 0, 10);
    assert.ok(!streams.hasRoomFor('dbt'));
  });

  test('is one of a bounded number, and ends when the proxy stops', async () => {
    const [source, time] = [new Source(), new SimulatedTime()];
    const streams = new LiveStreams(source, 2, time);
    const readers = [new Reader(), new Reader()];
    for (const reader of readers) streams.open(reader, ALL, form, 0, 10);
    assert.ok(!streams.hasRoom);
    readers[0]?.destroy();
    await time.advance(1);
    assert.ok(streams.hasRoom);
    streams.close();
    await time.advance(1);
    assert.ok(readers[1]?.writableEnded && !streams.hasRoom);
  });
});
