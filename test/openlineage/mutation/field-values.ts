/**
 * Texts for the fields of events, without the quotes. Real clients send the `sent` ones, and the fast path must accept
 * them. The `odd` ones are valid but rare. Both checks must refuse the `wrong` ones.
 */
export interface FieldValues {
  readonly sent: readonly string[];
  readonly odd: readonly string[];
  readonly wrong: readonly string[];
}

const day = '2026-11-22';

export const times: FieldValues = {
  sent: [
    ...[`${day}T10:15:30Z`, `${day}T10:15:30.123Z`, `${day}T10:15:30.123456Z`, `${day}T10:15:30.123456789Z`],
    ...[`${day}T10:15:30`, `${day}T10:15:30.123`, `${day}T10:15:30.123456`, `${day}T10:15:30.1`],
    ...[`${day}T10:15:30+02:00`, `${day}T10:15:30.5-05:30`, `${day}T10:15:30.123456+00:00`],
    ...[`${day}T00:00:00Z`, `${day}T23:59:59.999Z`, `${day}T10:15:30-00:00`, `${day}T10:15:30+23:59`],
    ...[`${day}T10:15:30-23:59`, `${day}T10:15:30.0000Z`, `${day}T10:15:30.9999999999999999999999999999Z`],
    ...['2024-02-29T00:00:00Z', '2000-02-29T00:00:00Z', '1600-02-29T00:00:00Z', '0000-02-29T00:00:00Z'],
    ...['0000-01-01T00:00:00Z', '0000-12-31T23:59:59Z', '0001-01-01T00:00:00Z', '0099-03-01T00:00:00Z'],
    ...['9999-12-31T23:59:59.999999Z', '9999-12-31T23:59:59-23:59', '0000-01-01T00:00:00+23:59'],
    ...['1970-01-01T00:00:00Z', '1970-01-01T00:00:00.000', '1969-12-31T23:59:59.999Z'],
    '1900-02-28T00:00:00Z',
  ],
  odd: [
    ...[`${day}t10:15:30Z`, `${day} 10:15:30Z`, `${day}T10:15:30z`, `${day}T10:15Z`, `${day}T10:15`],
    ...[`${day}T10:15:30,123Z`, `${day}T10:15:30+0200`, `${day}T10:15:30+02`, `${day}T10:15:60Z`],
    ...[`${day}T23:59:60.999Z`, `${day}T10:15:30.${'1'.repeat(60)}Z`, `\\u0032${day.slice(1)}T10:15:30Z`],
    ...[`${day}T10:15:30\\u005a`, `${day}T10\\u003a15:30Z`, `${day}T10:15+02:00`, `${day}T10:15:30-0000`],
    ...[`${day}T10:15:30Z[Europe/London]`, `${day}T10:15:30.089+01:00[Europe/Paris]`],
    ...[`${day}T10:15Z[Etc/GMT+1]`, `${day} 10:15:30+0200[Africa/Porto-Novo]`, `${day}T10:15:30-00:00[UTC]`],
  ],
  wrong: [
    ...['', 'now', day, `${day}T`, `${day}T10`, `${day}T10:15:`, `${day}T10:15:3`, `${day}T10:15:30.`, '0'],
    ...[`${day}T10:15:30.Z`, `${day}T10:15:30ZZ`, `${day}T10:15:30Z `, ` ${day}T10:15:30Z`],
    `${day}T10:15:30 Z`,
    ...[`${day}T24:00:00Z`, `${day}T10:60:30Z`, `${day}T10:15:61Z`, `${day}T10:15:30+24:00`],
    `${day}Z10:15:30Z`,
    ...[`${day}T10:15:30+02:60`, `${day}T10:15:30+2:00`, `${day}T10:15:30+02:0`, `${day}T10:15:30+02:000`],
    ...[`${day}T10:15:30+-2:00`, `${day}T10:15:30+02-00`, `${day}T10:15:30+`, `${day}T10:15:30+02:00Z`],
    ...['2026-11-31T00:00:00Z', '2026-02-29T00:00:00Z', '1900-02-29T00:00:00Z', '2100-02-29T00:00:00Z'],
    ...['2026-00-22T10:15:30Z', '2026-13-22T10:15:30Z', '2026-11-00T10:15:30Z', '2026-01-32T10:15:30Z'],
    ...['2026-02-30T00:00:00Z', '2026-04-31T00:00:00Z', '2026-99-99T99:99:99Z', '+2026-11-22T10:15:30Z'],
    ...['-2026-11-22T10:15:30Z', '-026-11-22T10:15:30Z', '12026-11-22T10:15:30Z', '2026/11/22T10:15:30Z'],
    ...['2026-1122T10:15:30Z', '20261122T101530Z', '2026-11-22T10-15-30Z', '2026-W47-7T10:15:30Z'],
    '2026-326',
    ...[`${day}T10:15:30.1.2Z`, `${day}T10:15:30.1:2Z`, `${day}T1a:15:30Z`, `${day}T10:15:3\\"Z`],
    '٢٠٢٦-11-22T10:15:30Z',
    ...[`${day}T10:15:30.12Z\\u0000`, `${day}T10:15:30Ж`, `${day}T10:15:30.1e3Z`, `${day}T 1:15:30Z`],
    `${day}T-1:15:30Z`,
    ...[`${day}T10:15:30Z+02:00`, `${day}T10:15:30+02:00+02:00`, `${day}:10:15:30Z`, `${day}T10:15:30/`],
    `${day}T10:15:30:`,
    ...[
      `${day}T10:15:30[Europe/London]`,
      `${day}[Europe/London]`,
      `${day}T10:15:30Z[]`,
      `${day}T10:15:30Z[Z]`,
    ],
    ...[
      `${day}T10:15:30Z[Europe/London`,
      `${day}T10:15:30ZEurope/London]`,
      `${day}T10:15:30Z[Europe/London]Z`,
    ],
    ...[
      `${day}T10:15:30Z[+01:00]`,
      `${day}T10:15:30Z[1A]`,
      `${day}T10:15:30Z[a b]`,
      `${day}T10:15:30Z [UTC]`,
    ],
    ...[
      `${day}T10:15:30Z[UTC][UTC]`,
      `[UTC]${day}T10:15:30Z`,
      `${day}T10:15:30[UTC]Z`,
      `${day}T10:15:30.[UTC]`,
    ],
    ...[`${day}T10:15:30Z[ä/b]`, `${day}T10:15:30Z[UTC]\n`],
  ],
};

const uuid = '01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b3c';

export const runIds: FieldValues = {
  sent: [
    ...[uuid, uuid.toUpperCase(), uuid.replaceAll('-', ''), uuid.replaceAll('-', '').toUpperCase()],
    ...['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'f'.repeat(32)],
    ...['01990C5e-5d3b-7a4e-8c1f-6f2f1f6a2b3c', '01990c5e-5d3b-3a4e-8c1f-6f2f1f6a2b3C', '0'.repeat(32)],
  ],
  odd: [`\\u0030${uuid.slice(1)}`, uuid.replace('-', '\\u002d'), uuid.replace('e', '\\u0065')],
  wrong: [
    ...['', '1', 'run', `{${uuid}}`, `urn:uuid:${uuid}`, ` ${uuid}`, `${uuid} `, `${uuid}0`, uuid.slice(1)],
    ...[uuid.replace('-', ''), uuid.replace('-', '--'), uuid.replaceAll('-', '_'), uuid.replaceAll('-', ':')],
    ...[uuid.replace('e', 'g'), uuid.replace('e', 'G'), uuid.replace('e', '@'), uuid.replace('e', '`')],
    ...['0'.repeat(31), '0'.repeat(33), '0'.repeat(36), '-'.repeat(36), `${'0'.repeat(31)}g`],
    `${'0'.repeat(31)}-`,
    ...['0'.repeat(26).concat('\\u0030'), `01990c5e5-d3b-7a4e-8c1f-6f2f1f6a2b3c`, '/'.repeat(32)],
    ':'.repeat(32),
    ...[uuid.replace('e-', 'é'), `01990c5-e5d3b-7a4e-8c1f-6f2f1f6a2b3c`, uuid.replace('-7', '-\\u0000')],
  ],
};

export const uris: FieldValues = {
  sent: [
    ...['https://github.com/OpenLineage/OpenLineage/tree/1.54.0/client/python', 'a:b', 'A:b', 'urn:x:y'],
    'z://',
    ...['https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent', 'git+ssh://a/b', 'a+.-9:b'],
    'Z9:%',
    ...['file:///c:/a', 'a::', 'a:b:c', "a:'<>{}|^`~!@#$%&*()[];,?", 'https://user:pass@host:80/?q=1#f'],
    'ftp:x',
  ],
  odd: [
    'https:\\/\\/a\\/b',
    'a:b\\u0063',
    'https://a/ä',
    'https://a/Ж🦆',
    'a:\\u0062',
    '\\u0061:b',
    'a\\u003ab',
    'a:\\\\',
    'a:\\"',
  ],
  wrong: ['a:\\ud800', '\\udfff', 'a:\n', 'a:\u0000', '\u001f', '"', 'a:\\x', 'a:\\u00g0'],
};

/** Texts that are not URIs. Clients send them where the specification demands a URI, and both checks accept them. */
export const notUris: FieldValues = {
  sent: [
    ...[
      'my-etl/1.0',
      'starrocks-openlineage-plugin/1.0.0',
      'sqlmesh-openlineage',
      'OpenLineage.io/website/blog',
    ],
    ...['', 'a', ':', ':b', 'a:', '1a:b', '+a:b', '-a:b', '.:b', 'a_b:c', 'a b:c', 'a:b c', 'a: ', ' a:b'],
    'a:b ',
    ...['/a:b', '//a', 'https//a', 'a/b:c', 'a:\u007f', 'a:b\u007fc', '@:b', '[:b', '`:b', '{:b', 'a@:b'],
    ...['a[:b', 'a,b:c', 'a/:b', 'a;:b', '*:b', '0:b', '9:b', 'https', 'a+.-9'],
  ],
  odd: [
    ...['a:\\n', 'a:b\\tc', 'a:\\u0000', 'a:\\u001f', 'a:\\u0020', 'ä:b', 'aЖ:b', 'a:\u00a0', 'a:\\u2028'],
    ...['a\\u0000:b', 'a:\u3000', 'a:\ufeff', '\ufeffa:b', '\\u0061', '\\"', '🦆', '\\ud83e\\udd86'],
  ],
  wrong: uris.wrong,
};

export const eventTypes: FieldValues = {
  sent: ['START', 'RUNNING', 'COMPLETE', 'ABORT', 'FAIL', 'OTHER'],
  odd: ['\\u0053TART', 'FAI\\u004c'],
  wrong: [
    ...['', 'start', 'Start', 'STARTED', 'STAR', ' START', 'START ', 'START\\u0000', 'ST\\u0041rt', 'FAILED'],
    ...['COMPLETED', 'ABORTED', 'RUNNIN', 'OTHERS', 'QTHER', 'FAIK', 'ABORS', 'STARS', 'COMPLETF'],
    'RUNNING\\n',
  ],
};

/** Names of jobs and datasets. */
export const names: FieldValues = {
  sent: [
    ...['', ' ', '/', 'own', 'daily.orders', 'postgres://db:5432', 'a/b:c', 'a'.repeat(1000), '\u007f'],
    '%00',
    ...['ä', 'Ж', 'отчёты.продажи', '数据', '🦆', '\u0080', '\u07ff', '\u0800', '\uffff', '\u{10000}'],
    '\u{10ffff}',
    ...['\\u043e\\u0442\\u0447\\u0451\\u0442\\u044b', '\\u0000', '\\"', '\\\\', '\\/\\b\\f\\n\\r\\t'],
    'a\\\\\\"b',
    ...['\\u00e4Ж', 'Ж\\n', '\\uFFFD', '\\uD7FF', '\\ue000', '\\u0022', '\\u005c', '\\u005Cu0041', '\ufeff'],
    '\u2028',
  ],
  odd: ['\\ud83e\\udd86', '\\uD83E\\uDD86x', 'a\\ud800\\udc00', '\\udbff\\udfff'],
  wrong: [
    ...['\\ud800', '\\udfff', 'a\\ud83eb', '\\udd86\\ud83e', '\\ud83e\\ud83e\\udd86', '\\uDBFF'],
    '\\udBfF\\u0041',
    ...['\\x', '\\u', '\\u00', '\\u00g0', '\\U0041', '\\', 'a\nb', '\u0000', '\u001f', '\t', '"', 'a"b'],
    '\\u 041',
  ],
};
