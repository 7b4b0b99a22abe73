import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseEventTime } from '../../src/openlineage/event-time.ts';

const at = (text: string) => parseEventTime(text)?.milliseconds;

suite('event time', () => {
  const equal: readonly (readonly [what: string, text: string, milliseconds: number])[] = [
    ['a time with Z', '2026-11-22T10:15:30Z', 1_795_342_530_000],
    ['small letters', '2026-11-22t10:15:30z', 1_795_342_530_000],
    ['a space instead of T', '2026-11-22 10:15:30Z', 1_795_342_530_000],
    ['milliseconds', '2026-11-22T10:15:30.123Z', 1_795_342_530_123],
    ['one digit of a fraction', '2026-11-22T10:15:30.1Z', 1_795_342_530_100],
    ['microseconds, cut off', '2026-11-22T10:15:30.123999Z', 1_795_342_530_123],
    ['nanoseconds, cut off', '2026-11-22T10:15:30.999999999Z', 1_795_342_530_999],
    ['a comma before the fraction', '2026-11-22T10:15:30,5Z', 1_795_342_530_500],
    ['an offset ahead', '2026-11-22T12:15:30+02:00', 1_795_342_530_000],
    ['an offset behind', '2026-11-22T04:45:30-05:30', 1_795_342_530_000],
    ['an unknown offset', '2026-11-22T10:15:30-00:00', 1_795_342_530_000],
    ['an offset over midnight', '2026-11-23T00:15:30+14:00', 1_795_342_530_000],
    ['a basic offset', '2026-11-22T12:15:30+0200', 1_795_342_530_000],
    ['an offset of hours only', '2026-11-22T12:15:30+02', 1_795_342_530_000],
    ['no zone, as UTC', '2026-11-22T10:15:30', 1_795_342_530_000],
    ['no zone but a fraction', '2026-11-22T10:15:30.000001', 1_795_342_530_000],
    ['no seconds', '2026-11-22T10:15Z', 1_795_342_500_000],
    ['the id of a zone behind Z', '2026-11-22T10:15:30Z[Europe/London]', 1_795_342_530_000],
    ['the id of a zone behind an offset', '2026-11-22T11:15:30+01:00[Europe/Paris]', 1_795_342_530_000],
    ['the id of a zone that does not fit the offset', '2026-11-22T12:15:30+02:00[UTC]', 1_795_342_530_000],
    ['the id of a zone behind a fraction', '2026-11-22T10:15:30.089Z[Etc/GMT+1]', 1_795_342_530_089],
    ['the id of a zone and no seconds', '2026-11-22T10:15Z[America/Port-au-Prince]', 1_795_342_500_000],
    ['a leap second', '2016-12-31T23:59:60Z', 1_483_228_800_000],
    ['the leap day of a leap year', '2024-02-29T00:00:00Z', 1_709_164_800_000],
    ['the leap day of 2000', '2000-02-29T00:00:00Z', 951_782_400_000],
    ['the epoch', '1970-01-01T00:00:00Z', 0],
    ['the millisecond before the epoch', '1969-12-31T23:59:59.999Z', -1],
    ['the year 1', '0001-01-01T00:00:00Z', -62_135_596_800_000],
    ['the year 99, which is not 1999', '0099-01-01T00:00:00Z', -59_042_995_200_000],
    ['the last millisecond of RFC 3339', '9999-12-31T23:59:59.999Z', 253_402_300_799_999],
  ];
  for (const [what, text, milliseconds] of equal) {
    test(`reads ${what}`, () => assert.equal(at(text), milliseconds));
  }

  const nonsense: readonly (readonly [what: string, text: string])[] = [
    ['nothing', ''],
    ['a word', 'yesterday'],
    ['a date alone', '2026-11-22'],
    ['a number', '1795342530000'],
    ['a 30th of February', '2026-02-30T00:00:00Z'],
    ['a leap day of a common year', '2026-02-29T00:00:00Z'],
    ['the leap day of 1900', '1900-02-29T00:00:00Z'],
    ['a 31st of April', '2026-04-31T00:00:00Z'],
    ['month 0', '2026-00-10T00:00:00Z'],
    ['month 13', '2026-13-10T00:00:00Z'],
    ['day 0', '2026-01-00T00:00:00Z'],
    ['hour 24', '2026-11-22T24:00:00Z'],
    ['minute 60', '2026-11-22T10:60:00Z'],
    ['second 61', '2026-11-22T10:15:61Z'],
    ['an offset of 24 hours', '2026-11-22T10:15:30+24:00'],
    ['an offset of 60 minutes', '2026-11-22T10:15:30+01:60'],
    ['an offset without digits', '2026-11-22T10:15:30+'],
    ['a zone by its name', '2026-11-22T10:15:30[Europe/Berlin]'],
    ['a date and a zone by its name', '2026-11-22[Europe/Berlin]'],
    ['an offset and an empty name', '2026-11-22T10:15:30+01:00[]'],
    ['an offset and a name that does not end', '2026-11-22T10:15:30+01:00[Europe/Berlin'],
    ['an offset and a name with a space', '2026-11-22T10:15:30+01:00[Europe/Old Berlin]'],
    ['an offset and two names', '2026-11-22T10:15:30+01:00[Europe/Berlin][UTC]'],
    ['an offset and a name with a line end', '2026-11-22T10:15:30+01:00[Europe/Berlin]\n'],
    ['a name before the offset', '2026-11-22T10:15:30[Europe/Berlin]+01:00'],
    ['an offset in brackets', '2026-11-22T10:15:30+01:00[+01:00]'],
    ['two zones', '2026-11-22T10:15:30Z+01:00'],
    ['a fraction without digits', '2026-11-22T10:15:30.Z'],
    ['a fraction of a minute', '2026-11-22T10:15.5Z'],
    ['a year of two digits', '26-11-22T10:15:30Z'],
    ['a year of five digits', '12026-11-22T10:15:30Z'],
    ['a year with a sign', '+2026-11-22T10:15:30Z'],
    ['one digit for a month', '2026-1-22T10:15:30Z'],
    ['a week date', '2026-W47-7T10:15:30Z'],
    ['a basic date', '20261122T101530Z'],
    ['white space before', ' 2026-11-22T10:15:30Z'],
    ['white space behind', '2026-11-22T10:15:30Z '],
    ['a line end behind', '2026-11-22T10:15:30Z\n'],
    ['digits of another script', '２０２６-11-22T10:15:30Z'],
    ['two spaces instead of T', '2026-11-22  10:15:30Z'],
  ];
  for (const [what, text] of nonsense) {
    test(`does not read ${what}`, () => assert.equal(parseEventTime(text), undefined));
  }

  test('says whether the id of a zone follows', () => {
    assert.equal(parseEventTime('2026-11-22T10:15:30Z[Europe/London]')?.hasZoneId, true);
    assert.equal(parseEventTime('2026-11-22T10:15:30Z')?.hasZoneId, false);
  });

  test('reads every millisecond of a second', () => {
    for (let millisecond = 0; millisecond < 1000; millisecond++) {
      const digits = String(millisecond).padStart(3, '0');
      assert.equal(at(`1970-01-01T00:00:00.${digits}Z`), millisecond);
      assert.equal(at(`1970-01-01T00:00:00.${digits}999999Z`), millisecond);
    }
  });

  test('agrees with Date for every day of 400 years', () => {
    for (let day = Date.UTC(1800, 0, 1); day < Date.UTC(2200, 0, 1); day += 86_400_000) {
      const text = new Date(day + 43_200_123).toISOString();
      assert.equal(at(text), day + 43_200_123, text);
    }
  });

  test('says whether there is a zone and whether the form is that of RFC 3339', () => {
    const form = (text: string) => {
      const parsed = parseEventTime(text);
      return [parsed?.hasZone, parsed?.isRfc3339];
    };
    assert.deepEqual(form('2026-11-22T10:15:30Z[Europe/London]'), [true, true]);
    assert.deepEqual(form('2026-11-22T10:15+0100[Europe/Paris]'), [true, false]);
    assert.deepEqual(form('2026-11-22T10:15:30Z'), [true, true]);
    assert.deepEqual(form('2026-11-22T10:15:30.5-05:30'), [true, true]);
    assert.deepEqual(form('2026-11-22T10:15:30.123456'), [false, true]);
    assert.deepEqual(form('2026-11-22T10:15Z'), [true, false]);
    assert.deepEqual(form('2026-11-22T10:15'), [false, false]);
    assert.deepEqual(form('2026-11-22T10:15:30,5Z'), [true, false]);
    assert.deepEqual(form('2026-11-22T10:15:30+0200'), [true, false]);
    assert.deepEqual(form('2026-11-22T10:15:30+02'), [true, false]);
  });
});
