/**
 * `make fuzz`: compares the fast path of the check with the full check, and the route of an event with that of the parsed
 * event, on random mutations of all samples. On each tenth of them it also holds the levels against each other, and what
 * is counted of an event against what the levels say.
 *
 *     node test/fuzz/main.ts [--mutations 1000000] [--seed NUMBER] [--seconds NUMBER]
 *
 * The exit code is 1 when they differ. Then .run/fuzz/ has the bytes of the mutation.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { eventMutant } from '../openlineage/mutation/event-mutants.ts';
import { assertLevelsAgree } from '../openlineage/levels/level-agreement.ts';
import { outcomeOf, type Outcome } from '../openlineage/fast-path/both-checks.ts';
import { Random } from '../openlineage/random.ts';
import { routeOf, someRules } from '../routing/reference-router.ts';

const { values } = parseArgs({
  options: {
    mutations: { type: 'string', default: '1000000' },
    seed: { type: 'string' },
    seconds: { type: 'string', default: 'Infinity' },
  },
});
const mutations = numberOf('mutations', values.mutations);
const seconds = numberOf('seconds', values.seconds);
const random = values.seed === undefined ? new Random() : new Random(numberOf('seed', values.seed));
const started = performance.now();
const seen: Record<Outcome, number> = { 'fast path': 0, 'full check': 0, refused: 0 };
let done = 0;
let routed = 0;
let rules = someRules(random);
const SENDERS = [undefined, 'a', 'p1'];
/** Mutations with the same rules. */
const ROUTED_ALIKE = 100;

console.log(`seed ${random.seed}: --seed ${random.seed} repeats it`);
for (let nextLine = 5; done < mutations && elapsed() < seconds; done++) {
  const mutant = eventMutant(random);
  if (done % ROUTED_ALIKE === 0) rules = someRules(random);
  try {
    seen[outcomeOf(mutant)] += 1;
    if ((routeOf(mutant, rules, SENDERS[random.below(SENDERS.length)]) ?? -1) >= 0) routed += 1;
    if (done % 10 === 0) assertLevelsAgree(mutant, random);
  } catch (error) {
    console.log(`${progress()}\n\nThe checks or the routes differ for mutation ${done}, ${save(mutant)}:`);
    console.log(error instanceof Error ? error.message : error);
    process.exit(1);
  }
  if (elapsed() < nextLine) continue;
  console.log(progress());
  nextLine += 5;
}
console.log(`${progress()}\nThe checks and the routes agree (seed ${random.seed}).`);

function elapsed(): number {
  return (performance.now() - started) / 1000;
}

function progress(): string {
  const rate = Math.round(done / elapsed());
  return (
    `${done.toLocaleString('en')} mutations in ${Math.round(elapsed())} s, ${rate.toLocaleString('en')} a second:` +
    ` the fast path accepts ${share(seen['fast path'])}, only the full check ${share(seen['full check'])},` +
    ` both refuse ${share(seen.refused)}, a rule fits ${share(routed)}`
  );
}

function share(count: number): string {
  return `${count.toLocaleString('en')} (${((count / Math.max(1, done)) * 100).toFixed(1)} %)`;
}

function save(mutant: Buffer): string {
  const folder = join(import.meta.dirname, '..', '..', '.run', 'fuzz');
  mkdirSync(folder, { recursive: true });
  const name = `seed-${random.seed}-mutation-${done}.json`;
  writeFileSync(join(folder, name), mutant);
  return `.run/fuzz/${name}`;
}

function numberOf(option: string, text: string): number {
  const number = Number(text);
  if (text !== '' && number >= 0) return number;
  console.error(`--${option} must be a number, not "${text}".`);
  process.exit(2);
}
