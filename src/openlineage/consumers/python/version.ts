/** A version as Python's `packaging` 26.4 reads it (PEP 440), after Data.Rentgen has cut off `-SNAPSHOT`. */
import { MAX_DIGITS } from '../pydantic-values.ts';
import type { PydanticError, PydanticType } from '../pydantic-search.ts';

/** White space of Python's `re`. */
const SPACE =
  '[\\t-\\r\\u001c-\\u001f \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]*';
const PATTERN = new RegExp(
  `^${SPACE}v?(?:[0-9]+!)?[0-9]+(?:\\.[0-9]+)*` +
    '(?:[._-]?(?:alpha|a|beta|b|preview|pre|c|rc)[._-]?(?:[0-9]+)?)?' +
    '(?:-[0-9]+|[._-]?(?:post|rev|r)[._-]?(?:[0-9]+)?)?' +
    `(?:[._-]?dev[._-]?(?:[0-9]+)?)?(?:\\+[a-z0-9]+(?:[._-][a-z0-9]+)*)?${SPACE}$`,
  'i',
);
const TOO_LONG = new RegExp(`(?:^|[^a-z0-9])[0-9]{${MAX_DIGITS + 1}}(?![a-z0-9])`, 'i');

const WRONG: PydanticError = {
  code: 'value_error',
  message: 'Value error, Input should be a version as Python knows them (PEP 440), such as 3.5.1',
};

export const pythonVersion: PydanticType = {
  kind: 'test',
  test: (value) => {
    if (typeof value !== 'string') {
      // Python raises an AttributeError, which the consumer does not catch.
      return { code: 'attribute_error', message: 'Input should be a valid string: the consumer fails on it' };
    }
    const version = value.replaceAll('-SNAPSHOT', '');
    return PATTERN.test(version) && !TOO_LONG.test(version) ? undefined : WRONG;
  },
};
