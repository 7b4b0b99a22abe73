/** The program's log: JSON lines for machines, or lines for people, on standard error. */
import { destination, pino, type Logger } from 'pino';
import pretty from 'pino-pretty';

export interface LogSettings {
  readonly enabled: boolean;
  readonly level: string;
  readonly preset: 'plain' | 'colored' | 'json';
}

/** Standard output is for what a command is asked to print. */
const STANDARD_ERROR = 2;

/** A logger as the settings ask for. Lines are written at once, so that the last one before an end is not lost. */
export function createLogger({ enabled, level, preset }: LogSettings): Logger {
  const options = { enabled, level, base: null };
  if (preset === 'json') return pino(options, destination({ dest: STANDARD_ERROR, sync: true }));
  const stream = pretty({
    colorize: preset === 'colored',
    destination: STANDARD_ERROR,
    sync: true,
    singleLine: true,
    translateTime: 'SYS:yyyy-mm-dd HH:MM:ss.l',
  });
  return pino(options, stream);
}
