/**
 * Run events of any size, as Spark's integration sends them at the end of a job: a written table with its schema and the
 * lineage of each column. The n-th event of a size always has the same bytes. All are ASCII, as nearly all bytes of a real
 * event.
 */

const CLIENT = 'https://github.com/OpenLineage/OpenLineage/tree/1.53.0/integration/spark';
const SPECIFICATION = 'https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs';
const FACETS = 'https://openlineage.io/spec/facets';

const SOURCE = '/warehouse/raw/shop.db/orders_and_items';
const TARGET = '/warehouse/marts/shop.db/orders';
const WORDS = [
  'customer',
  'order',
  'amount',
  'placed',
  'region',
  'product',
  'discount',
  'channel',
  'invoice',
];
const TYPES = ['long', 'string', 'decimal(12,2)', 'date', 'timestamp', 'boolean'];
const SUBTYPES = ['IDENTITY', 'TRANSFORMATION', 'AGGREGATION'];

/** Bytes of an event without columns at which facets begin to fit in. Smaller ones carry none, as Trino's START does. */
const FACETS_FROM_BYTES = 3000;

/** Bytes reserved for the text that makes the size exact. A column is larger than this. */
const SPARE_BYTES = 40;

export interface EventName {
  /** Varies the run id and the names of the columns. */
  readonly number: number;
  /** The job's name, which makes the record's key. */
  readonly job?: string;
}

/** A run event of exactly `bytes` bytes, at least 450. */
export function runEvent(bytes: number, { number, job = 'orders_by_day.insert_into' }: EventName): Buffer {
  const columns = bytes < FACETS_FROM_BYTES ? 0 : columnsWithin(bytes, number, job);
  const missing = bytes - sizeOf(eventOf(number, job, columns, ''));
  if (missing < 0) throw new Error(`no run event has only ${bytes} bytes`);
  return Buffer.from(JSON.stringify(eventOf(number, job, columns, fillerOf(missing))));
}

/** How many columns fit into an event of that size. */
function columnsWithin(bytes: number, number: number, job: string): number {
  let left = bytes - SPARE_BYTES - sizeOf(eventOf(number, job, 1, ''));
  let columns = 1;
  for (;;) {
    const [name, lineage] = columnLineageOf(columns, number, '');
    // Two commas and a colon separate them from their neighbours.
    left -= sizeOf(name) + sizeOf(lineage) + sizeOf(fieldOf(columns, number)) + 3;
    if (left < 0) return columns;
    columns += 1;
  }
}

/** `filler` goes into a description when there are columns, otherwise into the path of the table. */
function eventOf(number: number, job: string, columns: number, filler: string): object {
  const small = columns === 0;
  return {
    eventTime: '2026-11-23T00:02:22.773Z',
    producer: CLIENT,
    schemaURL: `${SPECIFICATION}/RunEvent`,
    eventType: 'COMPLETE',
    run: { runId: runIdOf(number), ...(small ? {} : { facets: runFacets() }) },
    job: { namespace: 'spark', name: job, ...(small ? {} : { facets: jobFacets() }) },
    inputs: small ? [] : [{ namespace: 'file', name: SOURCE }],
    outputs: [
      small
        ? { namespace: 'file', name: `${TARGET}${filler}` }
        : { namespace: 'file', name: TARGET, facets: outputFacets(columns, number, filler) },
    ],
  };
}

function runIdOf(number: number): string {
  return `01a205b5-e58e-7de1-9790-${number.toString(16).padStart(12, '0')}`;
}

function runFacets(): object {
  return {
    processing_engine: {
      ...facet('1-1-1', 'ProcessingEngineRunFacet'),
      version: '3.5.9',
      name: 'spark',
      openlineageAdapterVersion: '1.53.0',
    },
  };
}

function jobFacets(): object {
  const jobType = { processingType: 'BATCH', integration: 'SPARK', jobType: 'SQL_JOB' };
  return { jobType: { ...facet('2-0-4', 'JobTypeJobFacet'), ...jobType } };
}

function outputFacets(columns: number, number: number, filler: string): object {
  const each = Array.from({ length: columns }, (_, index) => index);
  const lineage = each.map((index) => columnLineageOf(index, number, index === 0 ? filler : ''));
  return {
    schema: {
      ...facet('1-2-0', 'SchemaDatasetFacet'),
      fields: each.map((index) => fieldOf(index, number)),
    },
    columnLineage: { ...facet('1-2-0', 'ColumnLineageDatasetFacet'), fields: Object.fromEntries(lineage) },
  };
}

function facet(version: string, name: string): object {
  return { _producer: CLIENT, _schemaURL: `${FACETS}/${version}/${name}.json#/$defs/${name}` };
}

function fieldOf(index: number, number: number): object {
  return { name: columnOf(index, number), type: TYPES[index % TYPES.length] };
}

function columnLineageOf(index: number, number: number, description: string): [name: string, object] {
  const subtype = SUBTYPES[(index + number) % SUBTYPES.length];
  const transformation = { type: 'DIRECT', subtype, description, masking: index % 10 === 0 };
  const from = { namespace: 'file', name: SOURCE, field: columnOf(index + number, number) };
  return [columnOf(index, number), { inputFields: [{ ...from, transformations: [transformation] }] }];
}

/** Words in varying order: they compress about as well as real events. */
function columnOf(index: number, number: number): string {
  const word = (factor: number) => WORDS[(index * factor + number) % WORDS.length] ?? '';
  return `${word(1)}_${word(2)}_${word(5)}_${index}`;
}

/** Text of exactly that many bytes, without characters that JSON escapes. */
function fillerOf(bytes: number): string {
  return `/part/of/${WORDS.join('/')}`.repeat(Math.ceil(bytes / 10)).slice(0, bytes);
}

/** Bytes as JSON. */
function sizeOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
