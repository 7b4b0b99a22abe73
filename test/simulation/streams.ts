/**
 * Random numbers by name. Each part of a day has its own source, made of the seed and the name of the part. So a part that
 * is added, or that draws more often, changes no other part of the same seed.
 */
import { Random } from '../openlineage/random.ts';

/** The source of one part of a day. The same seed and name give the same numbers. */
export function streamOf(seed: number, name: string): Random {
  let hash = seed ^ 0x9e3779b9;
  for (const letter of name) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193);
  // Names that differ in their last letter only would otherwise begin with similar states.
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return new Random(hash >>> 0);
}
