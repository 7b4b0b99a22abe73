/** Answers with an error code. The library turns them into errors, also if only one topic of many is concerned; the error contains the answer. */
import { ResponseError } from '@platformatic/kafka';

/** The answer, or the answer inside the error. Rejects with any other error. */
export async function orInError<Answer>(
  isAnswer: (value: unknown) => value is Answer,
  answer: Promise<Answer>,
): Promise<Answer> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ResponseError && 'response' in error && isAnswer(error.response))
      return error.response;
    throw error;
  }
}

/** Makes a check that a value is the answer with this member. */
export function answerWith<Answer extends object>(member: keyof Answer): (value: unknown) => value is Answer {
  return (value): value is Answer => typeof value === 'object' && value !== null && member in value;
}
