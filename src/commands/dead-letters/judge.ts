/** Judges a letter by the settings of today: is it right now, and where does it belong? */
import type { Settings } from '../../config/schema/schema.ts';
import { headersBefore } from '../../delivery/dead-letter-record.ts';
import type { KafkaRecord } from '../../kafka/record.ts';
import { checkEvent } from '../../openlineage/check.ts';
import { describeErrors, type ValidationError } from '../../openlineage/validation-error.ts';
import type { CheckedEvent } from '../../openlineage/verdict.ts';
import type { RuleSet } from '../../routing/rule-set.ts';
import type { Letter } from './letter.ts';

/** A letter that is right now: the record to write, one for each topic that it belongs to. */
export interface RightLetter {
  readonly records: readonly KafkaRecord[];
}

/** A letter that is still wrong, with what is wrong today. */
export interface WrongLetter {
  readonly reason: string;
  readonly errors: readonly Pick<ValidationError, 'location' | 'message' | 'code'>[];
}

export type Judged = RightLetter | WrongLetter;

export interface JudgeContext {
  readonly settings: Settings;
  /** The routing rules of today. */
  readonly rules: RuleSet;
  /** The topic of the letters. */
  readonly topic: string;
  /** Is there such a topic? */
  readonly exists: (topic: string) => Promise<boolean>;
}

/**
 * Checks a letter again. Its records have the key of the letter, or that of the event if the letter has none; the time that the proxy
 * would give to the event; and the headers that the letter had before.
 */
export async function judge(letter: Letter, context: JudgeContext): Promise<Judged> {
  const { value, key, headers, cause, timestamp: arrivedAt } = letter;
  if (value === null) return { reason: 'the record has no event', errors: [] };
  const { event, errors } = checkEvent(value, context.settings.check.level);
  if (!event) {
    const known = errors.map(({ location, message, code }) => ({ location, message, code }));
    return { reason: describeErrors(errors), errors: known };
  }
  const topics = placesOf(letter, value, event, context);
  if ('reason' in topics) return topics;
  for (const topic of topics) {
    if (topic === context.topic) return { reason: `its place is this topic itself, ${topic}`, errors: [] };
    if (!(await context.exists(topic))) return { reason: `the topic ${topic} is not there`, errors: [] };
  }
  const record = {
    ...{ value, arrivedAt },
    key: key ?? event.key,
    headers: headersBefore(headers, cause),
    timestamp: context.settings.producer.timestamp === 'arrival' ? arrivedAt : event.time,
  };
  return { records: topics.map((topic) => ({ topic, ...record })) };
}

/** The topics where a right letter belongs: the one that did not take it, or else what the routing rules of today say. */
function placesOf(
  { cause, sender }: Letter,
  value: Buffer,
  event: CheckedEvent,
  { settings, rules }: JudgeContext,
): readonly string[] | WrongLetter {
  if (cause.topic !== undefined) return [cause.topic];
  const rule = rules.find(value, event, sender);
  if (!rule) return [settings.producer.mainTopic];
  const { name, action } = rule;
  if (action.kind === 'topics') return action.topics;
  return { reason: `the routing rule ${name} ${WANTS[action.kind]}`, errors: [] };
}

/** What a rule does that keeps a letter where it is. */
const WANTS = {
  'dead-letter': 'keeps it in this topic',
  refuse: 'refuses it',
  drop: 'drops it',
} as const;
