/**
 * One `.env` file serves all of Data.Rentgen's programs, so most names under its prefix that are not ours are no
 * business of this program. But two groups are those of its http2kafka and ask for protection that this version does
 * not have. To start without it would be unsafe.
 */
import { dataRentgenPrefix, isSectionName, settingName } from './catalog.ts';
import type { Fault } from './fault.ts';
import { boolean } from './kind.ts';
import { sectionMisused, type Variable } from './variables.ts';

/** What is to be done about names that are not ours. */
export interface ForeignVerdict {
  readonly faults: readonly Fault[];
  /** Names that are passed over. */
  readonly passedOver: readonly string[];
}

/** Judges the names under Data.Rentgen's prefix that are no settings of ours; of equal names the first counts. */
export function judgeForeign(variables: readonly Variable[]): ForeignVerdict {
  const byName = new Map<string, Variable>();
  for (const variable of variables) {
    const name = settingName(variable.name, dataRentgenPrefix) ?? variable.name;
    if (!byName.has(name)) byName.set(name, variable);
  }
  const logins = within(byName, 'kafka.security').filter(({ value }) => value !== '');
  const tokens = personalTokens(byName);
  const misused = [...byName].filter(([name]) => isSectionName(name));
  const refused = new Set([...logins, ...tokens, ...misused.map(([, variable]) => variable)]);
  return {
    faults: [
      ...refusal(logins, noLogins),
      ...refusal(tokens, noTokens),
      ...misused.map(([name, { place }]) => ({ place, message: sectionMisused(name, dataRentgenPrefix) })),
    ],
    passedOver: [...byName.values()].filter((variable) => !refused.has(variable)).map(({ name }) => name),
  };
}

/** The one line that says what was passed over, or none. */
export function passedOverNotice(names: readonly string[]): readonly string[] {
  if (names.length === 0) return [];
  return [`passed over, being no settings of http2kafka: ${[...new Set(names)].sort().join(', ')}`];
}

const noLogins =
  'this version cannot log in to Kafka (that comes with a later one), and without a login the events would ' +
  'go unprotected or nowhere. Use a listener of the brokers that needs none, and take this away';

const noTokens =
  'this version cannot check who sends (that comes with a later one), and without a check everyone could. ' +
  'To take events from anyone, set DATA_RENTGEN__AUTH__PERSONAL_TOKENS__ENABLED=false';

/** Those that ask for personal tokens to be checked: none if they are switched off, or neither switched on nor keyed. */
function personalTokens(byName: ReadonlyMap<string, Variable>): readonly Variable[] {
  const prefix = 'auth.personal_tokens';
  const enabled = byName.get(`${prefix}.enabled`);
  if (enabled && boolean().read(enabled.value) === false) return [];
  const secret = byName.get(`${prefix}.secret_key`);
  // Data.Rentgen also takes a whole section as JSON in one variable.
  return [enabled, secret, byName.get('auth'), byName.get(prefix)].filter(
    (variable): variable is Variable => variable !== undefined && variable.value !== '',
  );
}

function within(byName: ReadonlyMap<string, Variable>, section: string): readonly Variable[] {
  return [...byName]
    .filter(([name]) => name === section || name.startsWith(`${section}.`))
    .map(([, variable]) => variable);
}

function refusal(variables: readonly Variable[], message: string): readonly Fault[] {
  return variables.length === 0 ? [] : [{ place: variables.map(({ place }) => place).join(', '), message }];
}
