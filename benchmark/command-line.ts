/** The arguments of `make bench`. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { contendersOf, groupNames, groups, type GroupName } from './cells.ts';
import { STARTS } from './start-time.ts';
import { WARM_UP_S, type Pace } from './suite.ts';

export interface Task extends Pace {
  readonly only: readonly GroupName[];
  /** Whether it only lists the measurements. */
  readonly list: boolean;
  /** The folder for report, numbers and plots. */
  readonly out: string;
}

/** Seconds of a cell in addition to its load: to start wrk, and to read /proc and the metrics. */
const BESIDES_S = 0.3;

/** Seconds for a program to start and to stop. */
const START_S = 1.5;

const root = join(import.meta.dirname, '..');

const OPTIONS = {
  only: { type: 'string' },
  seconds: { type: 'string', default: '4' },
  rounds: { type: 'string', default: '3' },
  list: { type: 'boolean', default: false },
  out: { type: 'string' },
} as const;

/** Reads the arguments. Returns an error message when they are wrong. */
export function readTask(args: readonly string[]): Task | string {
  try {
    return taskOf(parseArgs({ args: [...args], options: OPTIONS }).values);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function taskOf(values: ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values']): Task {
  const named = values.only?.split(',') ?? groupNames;
  const only = groupNames.filter((name) => named.includes(name));
  if (only.length < named.length) {
    throw new Error(`--only takes these, with commas: ${groupNames.join(', ')}`);
  }
  // A partial run does not overwrite the results of a whole run.
  const isWhole = values.only === undefined;
  return {
    only,
    seconds: positive('--seconds', values.seconds),
    rounds: positive('--rounds', values.rounds),
    list: values.list,
    out: values.out ?? (isWhole ? join(root, 'benchmark', 'results') : join(root, '.run', 'benchmark')),
  };
}

/** A list of all cells, and the approximate duration. */
export function listing(task: Task): string {
  const lines: string[] = [];
  let seconds = 0;
  for (const { name, shapes } of groups.filter((group) => task.only.includes(group.name))) {
    for (const shape of shapes) {
      const names = contendersOf(shape);
      for (const contender of names) {
        const expected = shape.expected[contender];
        const cell = `${name}: ${shape.name}, ${shape.connections} connections: ${contender}`;
        lines.push(expected === undefined ? cell : `${cell}, expected ${expected.toFixed(2)}`);
      }
      const rounds = task.rounds * (task.seconds + BESIDES_S);
      seconds += names.length * (START_S / shapes.length + WARM_UP_S.started + rounds);
    }
  }
  if (task.only.includes('start')) {
    lines.push(`start: ${STARTS} starts of bare and of none`);
    seconds += STARTS * START_S;
  }
  return `${lines.join('\n')}\nAbout ${(seconds / 60).toFixed(0)} minutes.`;
}

function positive(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new Error(`${name} takes an integer from 1`);
  return number;
}
