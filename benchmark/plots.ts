/** The plots of the results of a run. */
import type { EChartsOption } from 'echarts';
import type { Plot } from './chart.ts';
import type { ContenderName } from './contenders.ts';
import { summaries, type Results, type Summary } from './results.ts';

/** Short names for the axes; contenders.ts has the long ones. */
const SHORT: Readonly<Partial<Record<ContenderName, string>>> = {
  bare: 'bare\nnode:http',
  none: 'none',
  lz4: 'lz4',
  zstd: 'zstd',
  routing: 'level\nrouting',
  log: 'access log',
};

/** From the yardstick to the whole proxy: each adds one part to the one before. */
const PARTS: readonly (readonly [ContenderName, string])[] = [
  ['bare', 'bare node:http'],
  ['http', 'our HTTP server'],
  ['check', 'check'],
  ['delivery', 'record and queue'],
  ['none', 'producer'],
];

/** Lines of the plot by size, with positions of their numbers that do not overlap. */
const SIZE_LINES = [
  ['bare', 'bottom'],
  ['none', 'right'],
  ['lz4', 'top'],
] as const;

/** Colours by the number of connections. Grey is the bare server. */
const CONNECTION_COLOURS = ['#56b4e9', '#0072b2'];

/** The plots that the results have numbers for. */
export function plotsOf(results: Results): Plot[] {
  const mix = summaries(results, 'mix');
  const sizes = summaries(results, 'sizes');
  const batch = summaries(results, 'batch');
  return [
    ...(mix.length > 0 ? [ratioPlot(mix), partsPlot(mix), p99Plot(mix)] : []),
    ...(sizes.length > 0 ? [perKbPlot(sizes)] : []),
    ...(batch.length > 0 ? [batchPlot(batch)] : []),
  ];
}

function ratioPlot(mix: readonly Summary[]): Plot {
  const whole = wholeOf(mix);
  const expected = whole.map((name) => mix.find((row) => row.cell.contender === name)?.cell.expected ?? 1);
  const option: EChartsOption = {
    xAxis: { type: 'category', data: whole.map(shortName), axisLabel: { interval: 0 } },
    yAxis: valueAxis('CPU time, bare server = 1'),
    series: [
      ...byConnections(mix, whole, ({ ratio }) => ratio, 2),
      {
        type: 'scatter',
        name: 'expected before',
        symbol: 'diamond',
        symbolSize: 14,
        itemStyle: { color: '#000000' },
        data: expected,
      },
    ],
  };
  return { name: 'ratio', title: 'CPU time an event, as a ratio to a bare HTTP server (the mix)', option };
}

function p99Plot(mix: readonly Summary[]): Plot {
  const whole = wholeOf(mix);
  const option: EChartsOption = {
    xAxis: { type: 'category', data: whole.map(shortName), axisLabel: { interval: 0 } },
    yAxis: valueAxis('p99, ms'),
    series: byConnections(mix, whole, ({ p99Ms }) => p99Ms, 1),
  };
  return { name: 'p99', title: 'Time to the answer, 99th percentile (the mix, at full load)', option };
}

/** One bar of the measured and one of the expected addition of each part. */
function partsPlot(mix: readonly Summary[]): Plot {
  const parts = PARTS.flatMap(([name, label]) => {
    const row = mix.find(({ cell }) => cell.contender === name && cell.connections === 256);
    return row ? [{ label, measured: row.cpuMicros, ratio: row.cell.expected ?? 1 }] : [];
  });
  const bare = parts[0]?.measured ?? 0;
  const option: EChartsOption = {
    grid: { left: 100, right: 40, top: 90, bottom: 70 },
    xAxis: { ...valueAxis('CPU time an event, µs'), nameLocation: 'middle', nameRotate: 0, nameGap: 32 },
    yAxis: { type: 'category', data: ['expected', 'measured'] },
    series: parts.map(({ label, measured, ratio }, index) => {
      const before = parts[index - 1];
      return {
        type: 'bar',
        stack: 'all',
        name: label,
        barWidth: 90,
        silent: true,
        label: {
          show: true,
          color: '#000000',
          textBorderColor: '#ffffff',
          textBorderWidth: 3,
          formatter: rounded(0),
        },
        // By chance a part without cost may measure less than the one before.
        data: [
          Math.max(0, (ratio - (before?.ratio ?? 0)) * bare),
          Math.max(0, measured - (before?.measured ?? 0)),
        ],
      };
    }),
  };
  return { name: 'parts', title: 'Where the time goes (the mix, 256 connections)', option };
}

function perKbPlot(sizes: readonly Summary[]): Plot {
  const option: EChartsOption = {
    xAxis: {
      type: 'log',
      name: 'size of an event, KB',
      nameLocation: 'middle',
      nameGap: 32,
      min: 0.1,
      max: 10_000,
    },
    yAxis: { ...valueAxis('CPU time a KB, µs'), type: 'log' },
    series: SIZE_LINES.map(([name, position]) => ({
      type: 'line',
      name: (SHORT[name] ?? name).replace('\n', ' '),
      silent: true,
      symbolSize: 8,
      label: { show: true, position, formatter: ({ value }) => secondOf(value) },
      data: sizes
        .filter(({ cell }) => cell.contender === name)
        .map(({ cell, microsPerKb }) => [cell.eventBytes / 1000, Number(microsPerKb.toPrecision(3))]),
    })),
  };
  return { name: 'per-kb', title: 'CPU time a KB by the size of an event', option };
}

function batchPlot(batch: readonly Summary[]): Plot {
  const shapes = [...new Set(batch.map(({ cell }) => cell.shape))];
  const option: EChartsOption = {
    xAxis: { type: 'category', data: shapes },
    yAxis: valueAxis('CPU time an event, µs'),
    series: (['bare', 'none'] as const).map((name) => ({
      ...bars(1),
      name: name === 'bare' ? 'bare node:http' : 'http2kafka',
      data: shapes.map(
        (shape) => batch.find(({ cell }) => cell.contender === name && cell.shape === shape)?.cpuMicros ?? 0,
      ),
    })),
  };
  return { name: 'batch', title: 'CPU time an event by the size of a batch (events of 3.5 KB)', option };
}

/** Adjacent bars, one for each number of connections. */
function byConnections(
  mix: readonly Summary[],
  names: readonly ContenderName[],
  value: (row: Summary) => number,
  digits: number,
) {
  return [...new Set(mix.map(({ cell }) => cell.connections))].map((connections, index) => ({
    ...bars(digits),
    color: CONNECTION_COLOURS[index % CONNECTION_COLOURS.length] ?? '',
    name: `${connections} connections`,
    data: names.map((name) => {
      const row = mix.find(({ cell }) => cell.contender === name && cell.connections === connections);
      return row ? value(row) : 0;
    }),
  }));
}

function bars(digits: number) {
  return {
    type: 'bar' as const,
    silent: true,
    label: { show: true, position: 'top' as const, formatter: rounded(digits) },
  };
}

function valueAxis(name: string) {
  return { type: 'value' as const, name, nameLocation: 'middle' as const, nameRotate: 90, nameGap: 52 };
}

/** Formats the number of a bar. ECharts gives the type. */
function rounded(digits: number): (bar: { value?: unknown }) => string {
  return ({ value }) => Number(value).toFixed(digits);
}

function secondOf(point: unknown): string {
  return Array.isArray(point) ? String(point[1]) : '';
}

/** All contenders except the parts, in the order of measuring. */
function wholeOf(mix: readonly Summary[]): ContenderName[] {
  const names = new Set(mix.map(({ cell }) => cell.contender));
  return [...names].filter((name) => name in SHORT);
}

function shortName(name: ContenderName): string {
  return SHORT[name] ?? name;
}
