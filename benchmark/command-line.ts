/** The arguments of `make bench`. */
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { contenderNames, isContenderName, type ContenderName } from './contenders/names.ts';
import { groupNames, groups, OPEN_CONTENDERS, SHARES, STARTS, type GroupName } from './loads/shapes.ts';
import { SHAPE_WARM_UP_S, type Pace } from './measure/suite.ts';

export interface Task extends Pace {
  readonly only: readonly GroupName[];
  readonly contenders: readonly ContenderName[];
  /** The folder of another version of http2kafka, built. */
  readonly against: string | undefined;
  /** Whether it only lists the measurements. */
  readonly list: boolean;
  /** The folder for report, numbers and plots. */
  readonly out: string;
}

/** Seconds of a cell's round in addition to its load: to start wrk, to ask Kafka, to read /proc and the metrics. */
const BESIDES_S = 0.3;

/** Seconds for a program to start and to stop. */
const START_S = 2.5;

/** Seconds for the broker. */
const BROKER_S = 5;

const root = join(import.meta.dirname, '..');

const OPTIONS = {
  only: { type: 'string' },
  contenders: { type: 'string' },
  against: { type: 'string' },
  seconds: { type: 'string' },
  rounds: { type: 'string' },
  'warm-up': { type: 'string' },
  quick: { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
  out: { type: 'string' },
} as const;

const WHOLE = { seconds: '2', rounds: '5', warmUp: '30' };
const QUICK = { seconds: '2', rounds: '2', warmUp: '8' };

/** Who takes part in a quick run. */
const QUICK_CONTENDERS = 'bare,floor,none,against';

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
  const { quick } = values;
  const usual = quick ? QUICK : WHOLE;
  const contenders = (values.contenders ?? (quick ? QUICK_CONTENDERS : contenderNames.join(','))).split(',');
  if (!contenders.every(isContenderName)) {
    throw new Error(`--contenders takes these, with commas: ${contenderNames.join(', ')}`);
  }
  // A partial run does not overwrite the results of a whole run.
  const isWhole =
    [values.only, values.contenders, values.against].every((one) => one === undefined) && !quick;
  const against = values.against === undefined ? undefined : resolve(values.against);
  return {
    only,
    contenders: contenderNames.filter(
      (name) => contenders.includes(name) && (name !== 'against' || against !== undefined),
    ),
    against,
    seconds: positive('--seconds', values.seconds ?? usual.seconds),
    rounds: positive('--rounds', values.rounds ?? usual.rounds),
    warmUp: positive('--warm-up', values['warm-up'] ?? usual.warmUp),
    list: values.list,
    out: values.out ?? (isWhole ? join(root, 'benchmark', 'results') : join(root, '.run', 'benchmark')),
  };
}

/** The contenders that the groups of a task need, in their order. */
export function fieldOf({ only, contenders }: Task): ContenderName[] {
  const shapes = groups.filter(({ name }) => only.includes(name)).flatMap((group) => group.shapes);
  const needed = new Set(shapes.flatMap((shape) => shape.contenders));
  if (only.includes('open')) for (const name of OPEN_CONTENDERS) needed.add(name);
  return contenders.filter((name) => needed.has(name));
}

/** A list of all cells, and the approximate duration. */
export function listing(task: Task): string {
  const lines: string[] = [];
  const field = fieldOf(task);
  let seconds = BROKER_S + task.warmUp + field.length * (START_S + task.warmUp);
  for (const { name, shapes } of groups.filter((group) => task.only.includes(group.name))) {
    for (const shape of shapes) {
      for (const contender of shape.contenders.filter((one) => task.contenders.includes(one))) {
        const most = shape.atMost[contender];
        const cell = `${name}: ${shape.name}, ${shape.connections} connections: ${contender}`;
        lines.push(most === undefined ? cell : `${cell}, at most ${most.toFixed(2)}`);
        seconds += SHAPE_WARM_UP_S + BESIDES_S + task.rounds * (task.seconds + BESIDES_S);
      }
    }
  }
  if (task.only.includes('open')) {
    for (const share of SHARES) {
      const names = OPEN_CONTENDERS.filter((name) => task.contenders.includes(name));
      lines.push(`open: ${100 * share} % of the highest rate: ${names.join(', ')}`);
      // A second does not count, and the sender starts and ends.
      seconds += names.length * task.rounds * (task.seconds + 1.5);
    }
  }
  if (task.only.includes('start')) {
    lines.push(`start: ${STARTS} starts of bare, floor and none`);
    seconds += STARTS * START_S;
  }
  return `${lines.join('\n')}\nAbout ${(seconds / 60).toFixed(0)} minutes, if all contenders are installed.`;
}

function positive(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new Error(`${name} takes an integer from 1`);
  return number;
}
