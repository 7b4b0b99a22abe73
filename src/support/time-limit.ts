/**
 * The result of a promise, within `limitMs` milliseconds. After the limit, the work behind the promise continues.
 * @throws the error that `late` makes when the limit is over.
 */
export async function withinTime<Result>(
  promise: Promise<Result>,
  limitMs: number,
  late: () => Error,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), limitMs);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}
