import { setTimeout as sleep } from 'node:timers/promises';

const LIMIT_MS = 20_000;

/** Repeats an attempt until its result is the wanted one, and gives that result. Rejects after 20 s without it. */
export async function until<Result>(
  attempt: () => Promise<Result>,
  isWanted: (result: Result) => boolean,
): Promise<Result> {
  const end = performance.now() + LIMIT_MS;
  for (;;) {
    const result = await attempt();
    if (isWanted(result)) return result;
    if (performance.now() > end)
      throw new Error(`the wanted result did not come, only ${JSON.stringify(result)}`);
    await sleep(50);
  }
}
