import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { EventBodies, sequenceOf } from './event-bodies.ts';
import { Judgement } from './judgement.ts';
import { Ledger, type Delivery } from './ledger.ts';

/** A ledger with one job for every three answers: a status, or the place of an event that is answered 201. */
function ledgerOf(...answers: (number | Delivery)[]): Ledger {
  const ledger = new Ledger();
  while (ledger.size < answers.length) {
    for (const sequence of ledger.nextJob()) {
      const answer = answers[sequence];
      if (typeof answer === 'number') ledger.answered(sequence, answer, undefined, 1);
      else if (answer !== undefined) ledger.answered(sequence, 201, answer, 1);
    }
  }
  return ledger;
}

/** The verdict on a partition that holds these events in this order. */
function verdictOn(ledger: Ledger, sequences: readonly number[], partitions: readonly number[] = []) {
  const judgement = new Judgement(ledger);
  sequences.forEach((sequence, index) => {
    const partition = partitions[index] ?? 0;
    judgement.arrived({ sequence, partition, offset: BigInt(index), intact: true });
  });
  return { complete: judgement.complete, ...judgement.verdict() };
}

const good = {
  complete: true,
  lost: [],
  damaged: [],
  reordered: [],
  duplicated: 0,
  twiceAsResent: 0,
  refusedYetThere: 0,
};

suite('the judgement', () => {
  test('finds nothing when all is well', () => {
    assert.deepEqual(
      verdictOn(ledgerOf('kafka', 'spool', 'kafka', 'spool', 'kafka', 'kafka'), [0, 3, 1, 4, 5, 2]),
      good,
    );
  });

  test('finds lost events that were in Kafka or on disk, but no refused or unanswered ones', () => {
    const ledger = ledgerOf('kafka', 'spool', 503, 'kafka');
    assert.deepEqual(verdictOn(ledger, [3]), { ...good, complete: false, lost: [0, 1] });
    assert.deepEqual(verdictOn(ledger, [0, 1, 3]), good);
  });

  test('counts an event with other bytes as lost', () => {
    const judgement = new Judgement(ledgerOf('kafka'));
    judgement.arrived({ sequence: 0, partition: 0, offset: 0n, intact: false });
    assert.equal(judgement.complete, false);
    assert.deepEqual(judgement.verdict().lost, [0]);
  });

  test('does not count an event that was damaged on purpose as lost', () => {
    const judgement = new Judgement(ledgerOf('kafka', 'kafka', 'kafka'), new Set([1]));
    judgement.arrived({ sequence: 0, partition: 0, offset: 0n, intact: true });
    assert.equal(judgement.complete, false);
    assert.deepEqual(judgement.verdict().lost, [2]);
    judgement.arrived({ sequence: 2, partition: 0, offset: 1n, intact: true });
    assert.equal(judgement.complete, true);
    assert.deepEqual(judgement.verdict().damaged, [1]);
  });

  test('finds reordering within a partition, not between two', () => {
    const ledger = ledgerOf('kafka', 'kafka', 'kafka');
    assert.deepEqual(verdictOn(ledger, [1, 0, 2]), { ...good, reordered: [1] });
    assert.deepEqual(verdictOn(ledger, [2, 0, 1]), { ...good, reordered: [2] });
    assert.deepEqual(verdictOn(ledger, [2, 1, 0]), { ...good, reordered: [1, 2] });
    assert.deepEqual(verdictOn(ledger, [2, 0, 1], [1, 0, 0]), good);
  });

  test('ignores late duplicates in the order', () => {
    assert.deepEqual(verdictOn(ledgerOf('kafka', 'kafka', 'kafka'), [0, 1, 0, 2]), {
      ...good,
      duplicated: 1,
    });
  });

  test('ignores the order of refused events', () => {
    assert.deepEqual(verdictOn(ledgerOf(503, 'kafka', 'kafka'), [1, 2, 0]), { ...good, refusedYetThere: 1 });
  });

  test('distinguishes duplicates from events that their sender posted again', () => {
    const ledger = ledgerOf('kafka', 'kafka', 'kafka');
    ledger.resent(1);
    assert.deepEqual(verdictOn(ledger, [0, 1, 1, 1, 2, 2]), { ...good, duplicated: 2, twiceAsResent: 1 });
  });
});

suite('the ledger', () => {
  test('counts kept events by their place, and rejects a 201 without one and a 202', () => {
    const ledger = ledgerOf('kafka', 'spool', 'spool', 201, 202, 503);
    ledger.answered(6, 201, 'dead-letter', 1);
    assert.deepEqual([ledger.keptIn('kafka'), ledger.keptIn('spool'), ledger.kept], [1, 2, 3]);
    assert.deepEqual([ledger.refused, ledger.rejected, ledger.count(201)], [1, 3, 5]);
    assert.deepEqual(
      [0, 1, 3, 4, 5, 6].map((sequence) => ledger.state(sequence)),
      ['kept', 'kept', 'rejected', 'rejected', 'refused', 'rejected'],
    );
  });
});

suite('the bodies', () => {
  test('are reproducible, differ from each other, and contain their number', () => {
    const bodies = new EventBodies(5000, 0);
    const made = Array.from({ length: 9 }, (_, sequence) => bodies.bodyOf(sequence));
    made.forEach((body, sequence) => {
      assert.equal(sequenceOf(body), sequence);
      assert.deepEqual(bodies.bodyOf(sequence), body);
      assert.equal(body.length, 5000);
      assert.match(body.toString(), /^\{"eventTime":"1970-01-01T00:00:00.00\dZ"/);
      assert.doesNotMatch(body.toString(), /[#@%~]{3}|_{9}/);
      JSON.parse(body.toString());
    });
    assert.equal(new Set(made.map(String)).size, 9);
  });
});
