/** The order of the events of a run in a topic. */
export const STATES: readonly string[] = ['START', 'RUNNING', 'COMPLETE'];

/** Runs of an outage whose states are not in order. The events of a run have one key, so they are in one partition. */
export function disorderedRuns(values: readonly string[]): number {
  const states = new Map<string, string[]>();
  for (const value of values) {
    const { namespace, name } =
      /"namespace":"(?<namespace>[^"]*)","name":"(?<name>[^"]*)"/.exec(value)?.groups ?? {};
    const state = /"eventType":"(\w+)"/.exec(value)?.[1] ?? '';
    if (namespace === 'order') states.set(name ?? '', [...(states.get(name ?? '') ?? []), state]);
  }
  return [...states.values()].filter((run) => run.join() !== STATES.join()).length;
}
