// Run events as a real client sends them, cheap enough to make thousands a second. The n-th body is always the same, so that
// its number is enough to know which bytes must be in Kafka.

export const STEPS = ['START', 'RUNNING', 'COMPLETE'] as const;

const MARK = '"sequence":"';
const DIGITS = 10;
const NUMBER = '#'.repeat(DIGITS);
const JOB = '@'.repeat(DIGITS);
const RUN = '%'.repeat(DIGITS);
const TIME = '~~~~-~~-~~T~~:~~:~~.~~~Z';
const PADDING = '_';
const POOL_BYTES = 1 << 20;
const WORDS =
  'select from where join left inner group by order having customers orders amount placed_at date_trunc sum count as partition over'.split(
    ' ',
  );

/** The text of the paddings: words as in a query. LZ4 halves them, and JSON escapes none of them. */
const pool = makePool();

interface Template {
  readonly bytes: Buffer;
  readonly numbers: readonly number[];
  readonly jobs: readonly number[];
  readonly time: number;
  readonly padding: number;
  readonly paddingBytes: number;
}

/** The events of one load: START, RUNNING and COMPLETE of job 0, then those of job 1 and so on. */
export class EventBodies {
  readonly #templates: readonly Template[];
  readonly #beginning: number;

  /** @param bytes approximate size of an event. @param beginning `eventTime` of the first event. */
  constructor(bytes = 5000, beginning = Date.now()) {
    this.#templates = STEPS.map((step) => templateOf(step, bytes));
    this.#beginning = beginning;
  }

  /** The body of an event by its number. Each call makes a new buffer with the same bytes. */
  bodyOf(sequence: number): Buffer {
    const template = this.#templates[sequence % STEPS.length];
    if (template === undefined) throw new Error(`${sequence} is not the number of an event.`);
    const body = Buffer.from(template.bytes);
    const number = digitsOf(sequence);
    const job = digitsOf(Math.floor(sequence / STEPS.length));
    for (const at of template.numbers) body.write(number, at, 'latin1');
    for (const at of template.jobs) body.write(job, at, 'latin1');
    body.write(new Date(this.#beginning + sequence).toISOString(), template.time, 'latin1');
    const { padding, paddingBytes } = template;
    const from = (sequence * 7919) % Math.max(1, POOL_BYTES - paddingBytes);
    for (let done = 0; done < paddingBytes; done += POOL_BYTES) {
      pool.copy(body, padding + done, from, Math.min(POOL_BYTES, from + paddingBytes - done));
    }
    return body;
  }
}

/** The number of an event by its bytes, or by a piece of a file that begins with it. Undefined when there is none. */
export function sequenceOf(value: Buffer, from = 0): number | undefined {
  const mark = value.indexOf(MARK, from, 'latin1');
  if (mark === -1) return undefined;
  const begin = mark + MARK.length;
  const digits = value.toString('latin1', begin, begin + DIGITS);
  return /^\d{10}$/.test(digits) ? Number(digits) : undefined;
}

function templateOf(step: (typeof STEPS)[number], size: number): Template {
  const padding = Math.max(1, size - Buffer.byteLength(textOf(step, 0)));
  const text = textOf(step, padding);
  return {
    bytes: Buffer.from(text),
    numbers: placesOf(text, NUMBER),
    jobs: [...placesOf(text, JOB), ...placesOf(text, RUN)],
    time: text.indexOf(TIME),
    padding: text.indexOf(PADDING.repeat(padding)),
    paddingBytes: padding,
  };
}

function textOf(step: (typeof STEPS)[number], padding: number): string {
  const producer = 'https://github.com/OpenLineage/OpenLineage/tree/1.53.0/integration/spark';
  const facet = (name: string) => ({
    _producer: producer,
    _schemaURL: `https://openlineage.io/spec/facets/1-0-0/${name}.json#/$defs/${name}`,
  });
  const dataset = (name: string) => ({
    namespace: 's3://warehouse',
    name: `${name}/${JOB}`,
    facets: { dataSource: { ...facet('DatasourceDatasetFacet'), name: 's3', uri: 's3://warehouse' } },
  });
  return JSON.stringify({
    eventTime: TIME,
    producer,
    schemaURL: 'https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent',
    eventType: step,
    run: {
      runId: `01990c5e-5d3b-7a4e-8c1f-00${RUN}`,
      facets: {
        faults: { ...facet('FaultsRunFacet'), sequence: NUMBER },
        processing_engine: { ...facet('ProcessingEngineRunFacet'), version: '3.5.9', name: 'spark' },
      },
    },
    job: {
      namespace: 'faults',
      name: `job-${JOB}`,
      facets: { sql: { ...facet('SQLJobFacet'), query: PADDING.repeat(padding) } },
    },
    inputs: [dataset('orders')],
    outputs: step === 'COMPLETE' ? [dataset('orders_by_day')] : [],
  });
}

function placesOf(text: string, wanted: string): number[] {
  const places: number[] = [];
  for (let at = text.indexOf(wanted); at !== -1; at = text.indexOf(wanted, at + wanted.length))
    places.push(at);
  return places;
}

function digitsOf(number: number): string {
  return String(number).padStart(DIGITS, '0');
}

function makePool(): Buffer {
  // Not Math.random: every process makes the same bodies, so that a failure can be reproduced.
  let state = 1;
  const random = (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % below;
  };
  let text = '';
  while (text.length < POOL_BYTES) {
    text += `${WORDS[random(WORDS.length)] ?? ''} c${random(100_000)} `;
  }
  return Buffer.from(text.slice(0, POOL_BYTES), 'latin1');
}
