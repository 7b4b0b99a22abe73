import { mutateBytes } from './byte-mutation.ts';
import { datasetEvent, jobEvent, runEvent, runWith } from '../events.ts';
import type { Random } from '../random.ts';
import { batchExample, examples, recordings } from '../samples.ts';
import { mutateToken } from './token-mutation.ts';
import { mutateTree } from './tree-mutation.ts';

const facet = { _producer: 'a:b', _schemaURL: 'a:b' };
const thing = { namespace: 'data', name: 'Ж', facets: { '': facet }, inputFacets: {}, outputFacets: {} };

/** All fields that the scanner knows, in few bytes: most changes have an effect. */
const made = [
  runEvent({
    run: runWith({
      parent: { ...facet, job: thing, root: { job: { namespace: 'r', name: 's' } } },
      bare: {},
    }),
    inputs: [thing],
    outputs: [thing, { name: 'b', namespace: 'a' }],
  }),
  runEvent({ run: runWith({ parent: { job: { namespace: 'a', name: 'b' } }, last: facet }), inputs: [] }),
  runEvent(),
  runEvent({
    ...{ eventType: null, schemaURL: null, producer: 'my-etl/1.0', inputs: null },
    run: runWith({ parent: { job: thing, root: null }, none: null }),
    job: { namespace: 'a', name: 'b', facets: null },
    outputs: [{ name: 'b', namespace: 'a', outputFacets: null, facets: { a: null } }],
  }),
  jobEvent({ job: { namespace: 'a', name: '\n', facets: { a: facet, b: {} } }, outputs: [thing] }),
  datasetEvent({
    dataset: { name: 'b', namespace: 'a', facets: { a: facet } },
    extra: [null, { a: [-1.5e-7] }],
  }),
].map((event) => Buffer.from(JSON.stringify(event)));

const samples = [...examples, ...recordings].map(({ bytes }) => bytes);
const small = samples.filter(({ length }) => length < 6000);
const large = samples.filter(({ length }) => length >= 6000);
/** One event in so many is large. If large events were as frequent as small ones, they would take most of the time. */
const RARITY_OF_LARGE = 300;

/** An event, or a batch of a few; most of them have something wrong or odd. */
export function eventMutant(random: Random): Buffer {
  const mutant = mutantOf(sourceFor(random), random);
  if (random.below(16) > 0) return mutant;
  const others = [batchExample, random.of(made), mutant].slice(random.below(3));
  return Buffer.from(`[${[mutant, ...others].map((one) => one.toString('latin1')).join(' ,\n')}]`, 'latin1');
}

function sourceFor(random: Random): Buffer {
  if (random.below(RARITY_OF_LARGE) === 0) return random.of(large);
  return random.below(3) === 0 ? random.of(small) : random.of(made);
}

/** One kind of change, or one kind after another. */
function mutantOf(source: Buffer, random: Random): Buffer {
  switch (random.below(8)) {
    case 0:
      return mutateBytes(source, random);
    case 1:
      return mutateBytes(mutateTree(source, random), random);
    case 2:
      return mutateToken(mutateTree(source, random), random);
    case 3:
      return mutateToken(mutateToken(source, random), random);
    case 4:
    case 5:
      return mutateToken(source, random);
    default:
      return mutateTree(source, random);
  }
}
