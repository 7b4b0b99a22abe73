/** Changes of the topics that the proxy uses at the moment. */
import { DEFAULT_CONFIGS, type SimulatedTopic } from '../cluster/topic.ts';
import type { Scene } from './fault.ts';

export type Which = 'mainTopic' | 'deadLetterTopic';

export function change(
  { world, settings }: Scene,
  which: Which,
  act: (topic: SimulatedTopic) => unknown,
): void {
  const topic = world.cluster.topics.get(settings[which]);
  if (topic) act(topic);
}

/** Gives the topic this setting; undefined for that of a topic without settings of its own. */
export function configure(
  scene: Scene,
  key: string,
  value: number | undefined,
  which: Which = 'mainTopic',
): void {
  change(scene, which, ({ configs }) => configs.set(key, `${value ?? DEFAULT_CONFIGS.get(key) ?? ''}`));
}
