/** The key that the documentation promises for an event: that of OpenLineage's own KafkaTransport. Written apart from the proxy's. */
interface Named {
  readonly namespace: string;
  readonly name: string;
}

interface Event {
  readonly run?: {
    readonly facets?: {
      readonly parent?: { readonly job?: Named; readonly root?: { readonly job?: Named } };
    };
  };
  readonly job?: Named;
  readonly dataset?: Named;
}

/** `run:namespace/name` of the job at the root of the run, `job:…` or `dataset:…` for events without a run. */
export function keyOf(event: unknown): string {
  const { run, job, dataset } = event as Event; // eslint-disable-line @typescript-eslint/no-unsafe-type-assertion
  const parent = run?.facets?.parent;
  const kind = run ? 'run' : job ? 'job' : 'dataset';
  const named = parent?.root?.job ?? parent?.job ?? job ?? dataset;
  return `${kind}:${named?.namespace ?? ''}/${named?.name ?? ''}`;
}
