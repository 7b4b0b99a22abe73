/**
 * What a promise resolves to, if that is in time; the work behind it goes on all the same.
 * @throws what `late` makes when `limitMs` milliseconds are over.
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
