/** Older releases of Kafka that are tried, beside the one of pom.xml. All run with Java 17. */

/** The oldest one that the proxy supports is 2.8. Before 3.3 Kafka without ZooKeeper was a preview. */
export const WITH_ZOOKEEPER = ['2.4.1', '2.8.2', '3.0.2', '3.1.2'] as const;
export const WITHOUT_ZOOKEEPER = ['3.9.2', '4.0.1'] as const;

export const ALL_RELEASES = [...WITH_ZOOKEEPER, ...WITHOUT_ZOOKEEPER] as const;

export type Release = (typeof ALL_RELEASES)[number];

/** Undefined is the release of pom.xml. */
export function needsZooKeeper(release: Release | undefined): boolean {
  return WITH_ZOOKEEPER.some((one) => one === release);
}
