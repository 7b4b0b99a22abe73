import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { datasetEvent, errorsOf, jobEvent, runEvent, runWith, taken } from './events.ts';

const keyOf = (event: Parameters<typeof taken>[0]) => taken(event).key.toString();

/** An event as JSON, with these bytes as the name of its job. */
function withName(bytes: readonly number[]): Buffer {
  const [before = '', behind = ''] = JSON.stringify(
    jobEvent({ job: { namespace: 'a', name: 'HERE' } }),
  ).split('HERE');
  return Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(behind)]);
}

suite('a body that is not UTF-8', () => {
  const broken: readonly (readonly [what: string, bytes: number[]])[] = [
    ['a byte of Latin-1', [0xe4]],
    ['a lone continuation', [0x80]],
    ['the overlong form of a quote', [0xc0, 0xa2]],
    ['the overlong form of a slash in three bytes', [0xe0, 0x80, 0xaf]],
    ['the overlong form of a slash in four bytes', [0xf0, 0x80, 0x80, 0xaf]],
    ['the overlong form of NUL', [0xc0, 0x80]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['a pair of surrogates (CESU-8)', [0xed, 0xa0, 0xbe, 0xed, 0xb6, 0x86]],
    ['a character above U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['a form of five bytes', [0xf8, 0x88, 0x80, 0x80, 0x80]],
    ['a character cut short', [0xf0, 0x9f, 0xa6]],
    ['0xff', [0xff]],
  ];
  for (const [what, bytes] of broken) {
    test(`is refused: ${what}`, () => {
      for (const level of ['core', 'routing'] as const) {
        assert.deepEqual(errorsOf(withName(bytes), level), [
          {
            location: ['body'],
            message: 'The body is not UTF-8',
            code: 'json_invalid',
            context: {},
            input: null,
          },
        ]);
      }
    });
  }

  test('is refused: UTF-16', () => {
    assert.equal(errorsOf(Buffer.from(JSON.stringify(jobEvent()), 'utf16le'))[0]?.code, 'json_invalid');
  });
});

suite('a byte order mark', () => {
  test('at the start is refused with a message of its own', () => {
    const [error] = errorsOf(`\ufeff${JSON.stringify(jobEvent())}`);
    assert.equal(error?.code, 'json_invalid');
    assert.equal(error.message, 'The body starts with a byte order mark, which JSON forbids');
  });

  test('inside a string is an ordinary character', () => {
    assert.equal(keyOf(jobEvent({ job: { namespace: '\ufeff', name: '\ufeff' } })), 'job:\ufeff/\ufeff');
  });
});

suite('the key of a record', () => {
  test('is the same for plain and for escaped characters', () => {
    const text = JSON.stringify(jobEvent({ job: { namespace: 'HERE', name: 'ÄЖ🦆' } }));
    const escaped = text.replace('HERE', '\\u00c4\\u0416\\ud83e\\udd86\\n\\u0000\\/');
    assert.equal(keyOf(escaped), 'job:ÄЖ🦆\n\u0000//ÄЖ🦆');
  });
});

suite('half of a surrogate pair', () => {
  const halves = ['\ud83e', '\udd86', 'a\ud83eb', '\udd86\ud83e', '\ud83e\ud83e\udd86'];
  const dataset = { namespace: 'data', name: 'set' };

  for (const half of halves) {
    test(`is refused in fields that the key is made of: ${JSON.stringify(half)}`, () => {
      const cases = [
        [runEvent({ job: { namespace: half, name: 'a' } }), ['job', 'namespace']],
        [runEvent({ job: { namespace: 'a', name: half } }), ['job', 'name']],
        [jobEvent({ job: { namespace: 'a', name: half } }), ['job', 'name']],
        [datasetEvent({ dataset: { namespace: half, name: 'a' } }), ['dataset', 'namespace']],
        [datasetEvent({ dataset: { namespace: 'a', name: half } }), ['dataset', 'name']],
      ] as const;
      for (const [event, path] of cases) {
        for (const level of ['core', 'routing'] as const) {
          assert.deepEqual(errorsOf(event, level), [
            {
              location: ['body', ...path],
              message:
                'Input should be a valid string: it has half of a surrogate pair (a cut emoji, or text that was not UTF-8)',
              code: 'string_unicode',
              context: {},
              input: half,
            },
          ]);
        }
      }
    });

    test(`passes inside a facet: ${JSON.stringify(half)}`, () => {
      const event = runEvent({
        run: runWith({ note: { _producer: 'a:b', _schemaURL: 'a:b', text: half, [half]: 1 }, [half]: {} }),
      });
      assert.equal(keyOf(event), 'run:jobs/own');
    });

    test(`makes the key ignore the parent: ${JSON.stringify(half)}`, () => {
      const parent = { job: { namespace: 'a', name: half } };
      assert.equal(keyOf(runEvent({ run: runWith({ parent }) })), 'run:jobs/own');
    });
  }

  test('is refused in the name of an input or output dataset', () => {
    const errors = errorsOf(
      runEvent({ inputs: [{ ...dataset, name: '\ud800' }], outputs: [{ ...dataset, namespace: '\udc00' }] }),
    );
    assert.deepEqual(
      errors.map(({ location, code }) => [location.join('.'), code]),
      [
        ['body.inputs.0.name', 'string_unicode'],
        ['body.outputs.0.namespace', 'string_unicode'],
      ],
    );
  });

  test('is refused in a producer and a schemaURL, whether they are URIs or not', () => {
    for (const field of ['producer', 'schemaURL']) {
      for (const value of ['https://a/\ud800', 'my-etl/\udc00']) {
        assert.equal(errorsOf(runEvent({ [field]: value }))[0]?.code, 'string_unicode');
      }
    }
  });
});
