/** The cost of a program that has just started, beside its cost later. */
import type { WarmUpResult, WindowMeasure } from './results.ts';

/** Seconds after a start that count as cold, and at the end of the warming that count as warm. */
export const COLD_S = 10;

/** The mean cost in the first and in the last seconds of a contender's warming. */
export function coldAndWarm({ windows }: WarmUpResult): { cold: number; warm: number } {
  const end = windows.at(-1)?.untilS ?? 0;
  return {
    cold: meanOf(
      windows.filter(({ untilS }) => untilS <= COLD_S),
      ({ cpuMicros }) => cpuMicros,
    ),
    warm: meanOf(
      windows.filter(({ untilS }) => untilS > end - COLD_S),
      ({ cpuMicros }) => cpuMicros,
    ),
  };
}

/** The mean of windows, by their events. */
export function meanOf(windows: readonly WindowMeasure[], value: (window: WindowMeasure) => number): number {
  const events = windows.reduce((sum, { perSecond }) => sum + perSecond, 0);
  return windows.reduce((sum, window) => sum + value(window) * window.perSecond, 0) / events;
}
