/** What this machine gives to the process. Defaults follow it: see `Derivation` in the schema. */
import { totalmem } from 'node:os';
import type { Machine } from './schema/declaration.ts';

/**
 * Reads the limits of this machine. Node reads the memory limit of the process's cgroup. Without a limit some kernels
 * give a number larger than the memory of the machine.
 */
export function thisMachine(): Machine {
  const memory = process.constrainedMemory();
  return { memory: memory > 0 && memory < totalmem() ? memory : undefined };
}
