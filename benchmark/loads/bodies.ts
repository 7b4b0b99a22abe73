/** The posted bodies: examples of real clients, and generated events for a given size or key. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { runEvent } from './lineage-event.ts';

export interface Bodies {
  readonly bodies: readonly Buffer[];
  /** How many events each body holds. */
  readonly eventsEach: number;
  /** Mean bytes of an event, decoded. */
  readonly eventBytes: number;
  readonly headers: Readonly<Record<string, string>>;
}

const JSON_HEADERS = { 'Content-Type': 'application/json' };

/** Bytes of a usual event: nearly all of examples/ have 1 to 6 KB. */
const USUAL_BYTES = 3500;

/** Different bodies of a load, so that no cache of a parser helps. */
const VARIANTS = 8;

/** The single events below a folder, in the order of their names. */
export function mixBodies(folder: string): Buffer[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json') && !name.endsWith('batch.json'))
    .sort()
    .map((name) => readFileSync(join(folder, name)))
    .filter((body) => body.length > 0);
}

const examples = join(import.meta.dirname, '..', '..', 'examples');

/** All single events of examples/. */
export function mix(): Bodies {
  return single(mixBodies(examples));
}

/** Jobs of the real event, so that a topic's partitions get about as many events each. */
const JOBS = 64;

/** One event of Airflow, 5.4 KB, as it is sent by as many jobs: each has its own key. */
export function realEvents(): Bodies {
  const event = readFileSync(join(examples, 'airflow', '02-task-complete.json'), 'utf8');
  return single(
    Array.from({ length: JOBS }, (_, job) => {
      const name = `daily_orders_${String(job).padStart(2, '0')}`;
      return Buffer.from(event.replaceAll('daily_orders', name));
    }),
  );
}

/** The same, each compressed as a client would. */
export function gzippedMix(): Bodies {
  const plain = mix();
  const bodies = plain.bodies.map((body) => gzipSync(body));
  return { ...plain, bodies, headers: { ...JSON_HEADERS, 'Content-Encoding': 'gzip' } };
}

/** Generated events of exactly `bytes` bytes. */
export function sized(bytes: number): Bodies {
  return single(Array.from({ length: VARIANTS }, (_, number) => runEvent(bytes, { number })));
}

/** Generated events, each of another job, so that their keys go to all partitions. */
export function keyed(keys: number): Bodies {
  return single(
    Array.from({ length: keys }, (_, number) =>
      runEvent(USUAL_BYTES, { number, job: `orders.job_${String(number).padStart(6, '0')}` }),
    ),
  );
}

/** Teams whose events are routed. */
export const TEAMS = 200;

/** The namespace of a team, and the end of the name of its job. */
export function teamOf(index: number): string {
  return `team-${String(index).padStart(3, '0')}`;
}

/** Generated events, as many as there are teams, each of another team. */
export function ofTeams(): Bodies {
  return single(
    Array.from({ length: TEAMS }, (_, number) => {
      const event = runEvent(USUAL_BYTES, { number, job: `orders.${teamOf(number)}` }).toString();
      return Buffer.from(
        event.replace('"job":{"namespace":"spark"', `"job":{"namespace":"${teamOf(number)}"`),
      );
    }),
  );
}

/** JSON arrays of `events` generated events. */
export function batches(events: number): Bodies {
  const bodies = Array.from({ length: VARIANTS }, (_, variant) => {
    const elements = Array.from({ length: events }, (_, index) =>
      runEvent(USUAL_BYTES, { number: variant * events + index }).toString(),
    );
    return Buffer.from(`[${elements.join(',')}]`);
  });
  return { bodies, eventsEach: events, eventBytes: USUAL_BYTES, headers: JSON_HEADERS };
}

function single(bodies: readonly Buffer[]): Bodies {
  const bytes = bodies.reduce((sum, body) => sum + body.length, 0);
  return { bodies, eventsEach: 1, eventBytes: bytes / bodies.length, headers: JSON_HEADERS };
}
