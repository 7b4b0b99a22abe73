import { EVENT_FILES, type CommandDeclaration } from './command.ts';
import type { CheckLevel } from '../openlineage/event-schema.ts';
import type { ValidationError } from '../openlineage/validation-error.ts';
import { errorText } from '../support/error-text.ts';
import { printable } from '../support/printable.ts';
import type { FileEvent } from './events/event-files.ts';

/** `http2kafka validate FILE…`: checks events without sending them. */
export const validate: CommandDeclaration = {
  name: 'validate',
  description: 'check files of events as the proxy does, without Kafka',
  argument: EVENT_FILES,
  options: [{ usage: '--json', description: 'print one JSON object a line for each event' }],
  settings: ['check.level'],
  shortFlags: { '--level': '--check-level' },
  helpAfter:
    'Exit codes: 0 every event is valid, 1 an event is not valid or a file cannot be read, 2 wrong arguments.',
  action: async ({ args, options, settings }) => {
    const loaded = settings(true);
    return loaded ? validateFiles(args, loaded.settings.check.level, options.has('--json')) : 1;
  },
};

/** The result for an event, or for a file that cannot be read. */
interface Result extends Partial<Pick<FileEvent, 'index' | 'line'>> {
  readonly file: string;
  readonly valid: boolean;
  readonly errors: readonly Partial<ValidationError>[];
}

/** Prints to standard output. Returns the exit code: 0 when every event is valid, else 1. */
async function validateFiles(files: readonly string[], level: CheckLevel, isJson: boolean): Promise<number> {
  let good = 0;
  let bad = 0;
  for await (const result of resultsOf(files, level)) {
    if (result.valid) good += 1;
    else bad += 1;
    if (isJson) console.log(JSON.stringify(result));
    else for (const line of linesOf(result)) console.log(line);
  }
  if (!isJson) console.log(`${good} good, ${bad} bad (level ${level})`);
  return bad === 0 ? 0 : 1;
}

async function* resultsOf(names: readonly string[], level: CheckLevel): AsyncGenerator<Result> {
  const { checkEvent } = await import('../openlineage/check.ts');
  const { filesOf, readEvents } = await import('./events/event-files.ts');
  for (const name of names) {
    let current = name;
    try {
      for (const file of await filesOf([name])) {
        current = file;
        for await (const { bytes, ...place } of readEvents(file)) {
          const { errors = [] } = checkEvent(bytes, level);
          yield { file, ...place, valid: errors.length === 0, errors };
        }
      }
    } catch (error) {
      yield { file: current, valid: false, errors: [{ message: errorText(error) }] };
    }
  }
}

/** A line for each validation error: `events.json[2]: body.run: Field required`, `events.jsonl:7: body: …`. */
function linesOf({ file, index, line, errors }: Result): readonly string[] {
  const place = index !== undefined ? `[${index}]` : line !== undefined ? `:${line}` : '';
  return errors.map(({ location, message = '' }) => {
    const where = location ? `${printable(location.join('.'))}: ` : '';
    return `${file}${place}: ${where}${message}`;
  });
}
