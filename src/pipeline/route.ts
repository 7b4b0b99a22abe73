/** Which topic an event belongs to. Rules by namespace or kind have their place here; so far there is one topic. */

export interface RoutingSettings {
  readonly mainTopic: string;
  /** For events that the check refuses, where they are kept at all. */
  readonly malformedTopic: string;
}

/** The topic of an event that has passed the check. */
export function topicOf(settings: RoutingSettings): string {
  return settings.mainTopic;
}

/** The topic of an event that has not. */
export function malformedTopicOf(settings: RoutingSettings): string {
  return settings.malformedTopic;
}
