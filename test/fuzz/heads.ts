/**
 * `make fuzz`: compares the reader of simple heads with Node's parser, on random heads.
 *
 *     node test/fuzz/heads.ts [--heads 1000000] [--seed NUMBER] [--seconds NUMBER]
 *
 * The exit code is 1 when they differ, and the message has the head.
 */
import { parseArgs } from 'node:util';
import { headMutant } from '../http/simple/head-mutants.ts';
import { NodeReader } from '../http/simple/node-reader.ts';
import { Random } from '../openlineage/random.ts';

/** Heads on one connection. */
const BATCH = 1000;

const { values } = parseArgs({
  options: {
    heads: { type: 'string', default: '1000000' },
    seed: { type: 'string' },
    seconds: { type: 'string', default: 'Infinity' },
  },
});
const heads = Number(values.heads);
const end = performance.now() + Number(values.seconds) * 1000;
const random = values.seed === undefined ? new Random() : new Random(Number(values.seed));
const node = await NodeReader.start();
let done = 0;
let taken = 0;

console.log(`seed ${random.seed}: --seed ${random.seed} repeats it`);
try {
  for (; done < heads && performance.now() < end; done += BATCH) {
    taken += await node.compare(Array.from({ length: BATCH }, () => headMutant(random)));
  }
  console.log(`${done} heads, ${taken} of them simple: Node reads these alike (seed ${random.seed}).`);
} catch (error) {
  console.log(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  node.stop();
}
