/** A small valid run event of the job `job` in namespace `test`. Its key is `run:test/<job>`. */
export function runEvent(job: string, more: object = {}): Buffer {
  return Buffer.from(JSON.stringify({ ...fields(job), ...more }));
}

/** The fields of `runEvent`, for tests that leave some out. */
export function fields(job: string): Record<string, unknown> {
  return {
    eventTime: '2026-11-22T10:15:30.123Z',
    eventType: 'START',
    producer: 'https://example.org/test',
    schemaURL: 'https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent',
    run: { runId: '01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b3c' },
    job: { namespace: 'test', name: job },
  };
}

export function jobEvent(job: string): Buffer {
  return runEvent(job, { run: undefined, eventType: undefined });
}

export function datasetEvent(name: string): Buffer {
  return runEvent(name, {
    run: undefined,
    job: undefined,
    eventType: undefined,
    dataset: { namespace: 'test', name },
  });
}

/** The same event in exactly `size` bytes, filled with white space before its end. */
export function padded(event: Buffer, size: number): Buffer {
  const bytes = Buffer.alloc(size, ' ');
  event.copy(bytes, 0, 0, event.length - 1);
  bytes[size - 1] = 0x7d;
  return bytes;
}

/** An event of about `size` bytes that compression does not make smaller. */
export function incompressible(job: string, size: number): Buffer {
  const noise = Buffer.from(Array.from({ length: (size * 3) >> 2 }, () => Math.floor(Math.random() * 256)));
  return runEvent(job, {
    run: {
      runId: '01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b3c',
      facets: { noise: { noise: noise.toString('base64') } },
    },
  });
}
