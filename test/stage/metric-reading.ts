import type { Proxy } from '../../tools/proxy.ts';
import { get } from './posting.ts';

/** Every sample of a proxy's metrics, by name and labels as in the text: `name{label="value"}`. */
export async function readMetrics(proxy: Proxy): Promise<ReadonlyMap<string, number>> {
  return samplesOf((await get(proxy, '/monitoring/metrics')).text);
}

/** The samples of Prometheus' text format and of OpenMetrics. */
export function samplesOf(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line): [string, number] => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}
