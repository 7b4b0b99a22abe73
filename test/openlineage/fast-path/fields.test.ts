import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseEventTime } from '../../../src/openlineage/event-time.ts';
import { scanEvent } from '../../../src/openlineage/scanner.ts';
import { datasetEvent, jobEvent, runEvent, runWith } from '../events.ts';
import {
  eventTypes,
  names,
  notUris,
  runIds,
  times,
  uris,
  type FieldValues,
} from '../mutation/field-values.ts';
import { fastPathAccepts, outcomeOf, withinText } from './both-checks.ts';
import { Random } from '../random.ts';

const fields: readonly (readonly [field: string, values: FieldValues, ...events: readonly object[]])[] = [
  [
    'eventTime',
    times,
    ...[runEvent({ eventTime: 'HERE' }), jobEvent({ eventTime: 'HERE' })],
    datasetEvent({ eventTime: 'HERE' }),
  ],
  [
    'runId',
    runIds,
    runEvent({ run: { runId: 'HERE' } }),
    runEvent({ run: { ...runWith({}), runId: 'HERE' } }),
  ],
  ['producer', uris, runEvent({ producer: 'HERE' }), datasetEvent({ producer: 'HERE' })],
  ['schemaURL', uris, runEvent({ schemaURL: 'HERE' }), jobEvent({ schemaURL: 'HERE' })],
  ['producer that is not a URI', notUris, runEvent({ producer: 'HERE' }), datasetEvent({ producer: 'HERE' })],
  [
    'schemaURL that is not a URI',
    notUris,
    runEvent({ schemaURL: 'HERE' }),
    jobEvent({ schemaURL: 'HERE', producer: 'x' }),
  ],
  ['eventType', eventTypes, runEvent({ eventType: 'HERE' })],
  [
    'name',
    names,
    runEvent({ job: { namespace: 'a', name: 'HERE' } }),
    jobEvent({ job: { name: 'HERE', namespace: 'Ж' } }),
    jobEvent({ job: { namespace: 'HERE', name: 'a\n' } }),
    datasetEvent({ dataset: { namespace: 'HERE', name: '' } }),
    runEvent({ inputs: [{ namespace: 'a', name: 'HERE' }] }),
    runEvent({
      outputs: [
        { namespace: 'HERE', name: 'b' },
        { namespace: 'c', name: 'd' },
      ],
    }),
  ],
];

for (const [field, { sent, odd, wrong }, ...events] of fields) {
  suite(`${field} on the fast path`, () => {
    for (const text of sent) {
      test(`is accepted: ${text.slice(0, 80)}`, () => {
        for (const event of events) assert.equal(outcomeOf(withinText(event, text)), 'fast path');
      });
    }

    test('gives the same result as in the full check when it is valid but rare', () => {
      for (const text of odd) {
        for (const event of events) assert.notEqual(outcomeOf(withinText(event, text)), 'refused', text);
      }
    });

    test('is refused when it is wrong', () => {
      for (const text of wrong) {
        for (const event of events) assert.equal(outcomeOf(withinText(event, text)), 'refused', text);
      }
    });

    test('agrees with the full check after the change of any byte to any other', () => {
      const [event = {}] = events;
      for (const text of [sent[0] ?? '', sent.at(-1) ?? '']) {
        for (let at = 0; at < Math.min(text.length, 60); at++) {
          for (let code = 0; code < 0x100; code++) {
            const bytes = Buffer.from(text);
            bytes[at] = code;
            fastPathAccepts(withinText(event, bytes));
          }
        }
      }
    });
  });
}

suite('a point in time on the fast path', () => {
  const [before = '', behind = ''] = JSON.stringify(jobEvent({ eventTime: 'HERE' })).split('HERE');

  /** Compares with the full check's reading of the time only, which is faster than all of the full check. */
  function compare(text: string): boolean {
    const time = scanEvent(Buffer.from(before + text + behind))?.time;
    if (time !== undefined) assert.equal(time, parseEventTime(text)?.milliseconds, text);
    return time !== undefined;
  }

  const two = (number: number) => String(number).padStart(2, '0');
  const four = (number: number) => String(number).padStart(4, '0');

  test('is the same as in the full check in every year', () => {
    for (let year = 0; year < 10_000; year++) {
      for (const day of ['01-01', '02-28', '03-01', '12-31']) {
        if (!compare(`${four(year)}-${day}T12:34:56Z`)) assert.fail(`${year}-${day}`);
      }
      const isLeap = compare(`${four(year)}-02-29T00:00:00.5`);
      if (isLeap !== (parseEventTime(`${four(year)}-02-29T00:00:00`) !== undefined))
        assert.fail(String(year));
    }
  });

  test('is the same as in the full check on every day, and undefined on days that do not exist', () => {
    for (const year of [0, 1, 4, 1600, 1900, 1970, 2000, 2024, 2026, 2100, 9999]) {
      for (let month = 0; month <= 13; month++) {
        for (let day = 0; day <= 32; day++) {
          const text = `${four(year)}-${two(month)}-${two(day)}T23:59:59.999+01:00`;
          assert.equal(compare(text), parseEventTime(text) !== undefined, text);
        }
      }
    }
  });

  test('is the same as in the full check with every hour, minute, second and offset', () => {
    for (let number = 0; number < 100; number++) {
      const twoDigits = two(number);
      for (const zone of ['', 'Z', '-23:59', '+00:01']) {
        assert.equal(compare(`2026-11-22T${twoDigits}:15:30${zone}`), number < 24);
        assert.equal(compare(`2026-11-22T10:${twoDigits}:30${zone}`), number < 60);
        // The fast path leaves second 60, the leap second, to the full check.
        assert.equal(compare(`2026-11-22T10:15:${twoDigits}${zone}`), number < 60);
      }
      for (const sign of ['+', '-']) {
        assert.equal(compare(`2026-11-22T10:15:30${sign}${twoDigits}:00`), number < 24);
        assert.equal(compare(`2026-11-22T10:15:30.25${sign}01:${twoDigits}`), number < 60);
      }
    }
  });

  test('has its fraction cut off after three digits, for every length of the fraction', () => {
    for (let length = 1; length <= 70; length++) {
      for (const digits of ['9', '0', '5', '19', '100', '0009']) {
        const text = `1969-12-31T23:59:59.${digits.repeat(length).slice(0, length)}`;
        for (const zone of ['', 'Z', '+14:00'])
          assert.equal(compare(text + zone), (text + zone).length <= 64);
      }
    }
  });

  test('is the same as in the full check for random digits', (context) => {
    const random = new Random();
    context.diagnostic(`TEST_SEED=${random.seed} repeats it`);
    for (let round = 0; round < 20_000; round++) {
      const date = `${four(random.below(10_000))}-${two(random.below(14))}-${two(random.below(33))}`;
      const time = `${two(random.below(25))}:${two(random.below(61))}:${two(random.below(61))}`;
      const fraction = random.of([
        '',
        '.',
        `.${random.below(1e9)}`,
        `.${random.below(1e9)}${random.below(1e9)}`,
      ]);
      const offset = `${random.of(['+', '-'])}${two(random.below(25))}:${two(random.below(61))}`;
      compare(`${date}T${time}${fraction}${random.of(['', 'Z', offset, 'z', ' '])}`);
    }
  });
});
