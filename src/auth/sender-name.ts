/** The one rule for names of senders, however they were recognised: such a name is safe in records, logs and metrics. */
import { isPrintable } from '../support/printable.ts';

/** Most characters (UTF-16 code units) of a name: it is in each record, each log line and a label of the metrics. */
const MAX_LENGTH = 256;

/** What the rule demands, for messages. */
export const NAME_RULE = `1 to ${MAX_LENGTH} printable characters`;

/** True for a text that can be the name of a sender. */
export function isSenderName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_LENGTH && value.trim() !== '' && isPrintable(value);
}
