/** One small valid event of each kind. The API page offers to send them. */

const producer = 'https://github.com/my-company/my-scheduler/tree/1.0.0';
const schemaURL = (kind: string) => `https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/${kind}`;
const job = { namespace: 'my-scheduler', name: 'daily.orders' };

export const exampleRunEvent = {
  eventTime: '2026-11-22T10:15:30.123Z',
  eventType: 'COMPLETE',
  producer,
  schemaURL: schemaURL('RunEvent'),
  run: { runId: '01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b3c' },
  job,
  inputs: [{ namespace: 'postgres://db:5432', name: 'shop.public.orders' }],
  outputs: [{ namespace: 's3://lake', name: 'orders/daily' }],
};

export const exampleJobEvent = {
  eventTime: '2026-11-22T10:15:30.123Z',
  producer,
  schemaURL: schemaURL('JobEvent'),
  job,
  inputs: [{ namespace: 'postgres://db:5432', name: 'shop.public.orders' }],
};

export const exampleDatasetEvent = {
  eventTime: '2026-11-22T10:15:30.123Z',
  producer,
  schemaURL: schemaURL('DatasetEvent'),
  dataset: { namespace: 'postgres://db:5432', name: 'shop.public.orders' },
};
