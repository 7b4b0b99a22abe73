import type { Machines } from './machine.ts';

/** One thing that is tried with the packages: a line of `make docker-test`. */
export interface PackageTrial {
  readonly name: string;
  readonly run: (machines: Machines) => Promise<void>;
}
