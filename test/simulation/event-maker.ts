/** Events of a sender, as bytes. */
import type { Random } from '../openlineage/random.ts';

export type EventShape = 'run' | 'job' | 'dataset' | 'child-run' | 'invalid';

/**
 * What is in an event, beyond its shape. The levels take different ones: see `places/levels.ts`.
 *
 * - `plain`: no datasets.
 * - `full`: with inputs and outputs. The others have these, too.
 * - `untyped`: a run event without its type.
 * - `bare-facet`: a facet does not name its schema.
 */
export const CONTENTS = ['plain', 'full', 'untyped', 'bare-facet'] as const;

export type EventContent = (typeof CONTENTS)[number];

export interface MadeEvent {
  readonly shape: EventShape;
  readonly content: EventContent;
  readonly bytes: Buffer;
  /** The key of its record; undefined for an event that is not valid. */
  readonly key: string | undefined;
  /** Its time, in milliseconds since the epoch. */
  readonly time: number;
}

const PRODUCER = 'https://example.com/simulation';

/** Makes an event of a job. `padding` bytes are random text, which does not compress. */
export function makeEvent(
  shape: EventShape,
  job: string,
  time: number,
  padding: number,
  random: Random,
  content: EventContent = 'plain',
): MadeEvent {
  const base = {
    eventTime: new Date(time).toISOString(),
    producer: PRODUCER,
    schemaURL: `${PRODUCER}/schema`,
  };
  const namespace = 'simulation';
  const noise = padding > 0 ? { noise: noiseOf(padding, random) } : {};
  const schema = content === 'bare-facet' ? {} : { _schemaURL: `${PRODUCER}/facet` };
  const facet = { _producer: PRODUCER, ...schema, ...noise };
  const datasets =
    content === 'plain' ? {} : { inputs: [], outputs: [{ namespace: 'warehouse', name: `${job}-table` }] };
  const typed = (eventType: string) => (content === 'untyped' ? {} : { eventType });
  const run = { runId: '01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b3c', facets: { simulation: facet } };
  switch (shape) {
    case 'run':
      return made(
        { ...typed('RUNNING'), ...base, run, job: { namespace, name: job }, ...datasets },
        `run:${namespace}/${job}`,
      );
    case 'child-run': {
      const parent = {
        ...{ _producer: PRODUCER, _schemaURL: `${PRODUCER}/parent` },
        run: { runId: '01990c5e-5d3b-7a4e-8c1f-6f2f1f6a2b3d' },
        job: { namespace, name: `${job}-parent` },
      };
      const child = { ...run, facets: { ...run.facets, parent } };
      const own = { run: child, job: { namespace, name: `${job}-child` } };
      const event = { ...typed('START'), ...base, ...own, ...datasets };
      return made(event, `run:${namespace}/${job}-parent`);
    }
    case 'job':
      return made(
        { ...base, job: { namespace, name: job, facets: { simulation: facet } }, ...datasets },
        `job:${namespace}/${job}`,
      );
    case 'dataset':
      return made(
        { ...base, dataset: { namespace, name: job, facets: { simulation: facet } } },
        `dataset:${namespace}/${job}`,
      );
    case 'invalid':
      return made({ eventType: 'RUNNING', ...base, run: { facets: { simulation: facet } } }, undefined);
  }

  function made(event: object, key: string | undefined): MadeEvent {
    return { shape, content, bytes: Buffer.from(JSON.stringify(event)), key, time };
  }
}

function noiseOf(bytes: number, random: Random): string {
  const words: string[] = [];
  for (let length = 0; length < bytes; length += 8) {
    words.push(
      random
        .below(2 ** 32)
        .toString(16)
        .padStart(8, '0'),
    );
  }
  return words.join('');
}
