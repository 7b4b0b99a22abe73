/**
 * A list of texts, or the text of such a list as Python writes it: `"['a', 'b']"`. Old versions of Airflow send that.
 * Data.Rentgen reads it with `ast.literal_eval`. A text that is no Python at all is an empty list there. A text that is
 * Python but no literal, such as `daily` or `a,b`, is an error.
 */
import type { PydanticError, PydanticType } from '../pydantic-search.ts';
import { isListOfTexts } from './expression.ts';
import { PythonSyntaxError } from './tokens.ts';

const NO_LITERAL: PydanticError = {
  code: 'value_error',
  message: 'Value error, Input should be a list, or the text of a list as Python writes it',
};
const NO_TEXTS: PydanticError = { code: 'string_type', message: 'Input should be a list of strings' };

export const literalTexts: PydanticType = {
  kind: 'test',
  test: (value) => {
    if (Array.isArray(value)) return value.every((item) => typeof item === 'string') ? undefined : NO_TEXTS;
    return typeof value === 'string' ? errorOfText(value) : NO_LITERAL;
  },
};

/** A longer text is not read: that would take too long. */
const MAX_LENGTH = 256 * 1024;

function errorOfText(text: string): PydanticError | undefined {
  if (text.length > MAX_LENGTH) return NO_LITERAL;
  try {
    return isListOfTexts(text) ? undefined : NO_LITERAL;
  } catch (error) {
    if (error instanceof PythonSyntaxError) return undefined;
    throw error;
  }
}
