/** The log of the program on standard error: JSON lines for machines, or plain lines for people. */
import { destination, pino, type Logger } from 'pino';
import pretty from 'pino-pretty';

export interface LogSettings {
  readonly enabled: boolean;
  readonly level: string;
  readonly preset: 'plain' | 'colored' | 'json';
}

/** File descriptor of the log. Standard output is for the result of a command. */
const STANDARD_ERROR = 2;

/** Makes the logger. It writes synchronously, so that the last lines before an exit are not lost. */
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
