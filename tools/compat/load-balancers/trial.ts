import type { Trial } from '../trial.ts';
export const loadBalancers: readonly Trial[] = [];
