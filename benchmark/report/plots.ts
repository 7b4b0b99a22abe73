/** The plots of the results of a run. */
import type { EChartsOption } from 'echarts';
import type { ContenderName } from '../contenders/names.ts';
import type { GroupName } from '../loads/shapes.ts';
import type { Plot } from './chart.ts';
import { median, summaries, type OpenMeasure, type Results, type Summary } from './results.ts';

/** Names on the axes of the contenders that the plots show. */
const SHORT: Readonly<Partial<Record<ContenderName, string>>> = {
  bare: 'bare node:http',
  floor: 'floor',
  none: 'http2kafka',
  against: 'other version',
  lz4: 'http2kafka, lz4',
  'fluent-bit': 'Fluent Bit, in memory',
  'fluent-bit-files': 'Fluent Bit, with files',
};

/** The same colour in every plot; distinct in grey, and with red-green blindness. */
const COLOURS: Readonly<Partial<Record<ContenderName, string>>> = {
  bare: '#7f8c8d',
  floor: '#56b4e9',
  none: '#0072b2',
  against: '#009e73',
  lz4: '#000000',
  'fluent-bit': '#e69f00',
  'fluent-bit-files': '#cc79a7',
};

/** Lines of the plot by size, with positions of their numbers that do not overlap. */
const SIZE_LINES = [
  ['bare', 'bottom'],
  ['floor', 'right'],
  ['none', 'top'],
] as const;

/** Loads of the first plot: a group, a shape and its connections. */
const LIMIT_LOADS: readonly (readonly [GroupName, string, number, string])[] = [
  ['few', 'one connection', 1, '5.4 KB\n1 connection'],
  ['few', '24 senders, 34 ms pause', 24, '5.4 KB\n700/s'],
  ['real', '5.4 KB', 32, '5.4 KB\n32'],
  ['real', '5.4 KB', 256, '5.4 KB\n256'],
  ['mix', 'mix', 256, 'mix\n256'],
  ['large', '66 KB', 32, '66 KB\n32'],
  ['large', '1.2 MB', 8, '1.2 MB\n8'],
];

/** The plots that the results have numbers for. */
export function plotsOf(results: Results): Plot[] {
  const batch = summaries(results, 'batch');
  const sizes = [...summaries(results, 'sizes'), ...summaries(results, 'large')];
  return [
    ...limitPlot(results),
    ...(results.warmUps.length > 0 ? [coldPlot(results)] : []),
    ...(results.open.length > 0 ? [openPlot(results)] : []),
    ...(sizes.length > 0 ? [perKbPlot(sizes)] : []),
    ...(batch.length > 0 ? [batchPlot(batch)] : []),
  ];
}

/** CPU time beside the bare server's, by load. */
function limitPlot(results: Results): Plot[] {
  const loads = LIMIT_LOADS.flatMap(([group, shape, connections, label]) => {
    const rows = summaries(results, group).filter(
      ({ cell }) => cell.shape === shape && cell.connections === connections,
    );
    return rows.length > 0 ? [{ label, rows }] : [];
  });
  if (loads.length === 0) return [];
  const ratioOf = (rows: readonly Summary[], name: ContenderName) =>
    rows.find(({ cell }) => cell.contender === name)?.ratio ?? null;
  const option: EChartsOption = {
    xAxis: { type: 'category', data: loads.map(({ label }) => label), axisLabel: { interval: 0 } },
    yAxis: { ...valueAxis('CPU time, bare server = 1'), type: 'log', logBase: 2, min: 1 },
    series: [
      ...(['floor', 'none', 'against', 'fluent-bit'] as const)
        .filter((name) => loads.some(({ rows }) => ratioOf(rows, name) !== null))
        .map((name) => ({
          ...bars(2),
          ...named(name),
          data: loads.map(({ rows }) => ratioOf(rows, name)),
        })),
      {
        type: 'scatter',
        name: 'goal',
        symbol: 'diamond',
        symbolSize: 12,
        itemStyle: { color: '#000000' },
        data: loads.map(({ rows }) => rows.find(({ cell }) => cell.contender === 'none')?.goal ?? null),
      },
    ],
  };
  return [{ name: 'limit', title: 'CPU time an event, as a ratio to a bare HTTP server', option }];
}

/** The cost of an event in windows from a fresh start on. */
function coldPlot({ warmUps }: Results): Plot {
  const shown = warmUps.filter(({ contender }) => contender in SHORT);
  const option: EChartsOption = {
    xAxis: { ...valueAxis('seconds under load since the start'), nameRotate: 0, nameGap: 32 },
    yAxis: valueAxis('CPU time an event, µs'),
    series: shown.map(({ contender, windows }) => ({
      type: 'line',
      ...named(contender),
      silent: true,
      symbolSize: 6,
      data: windows.map(({ untilS, cpuMicros }) => [untilS, Number(cpuMicros.toFixed(1))]),
    })),
  };
  return { name: 'cold', title: 'CPU time an event from a fresh start on (5.4 KB, 32 connections)', option };
}

/** Percentiles of the latency at fixed rates, one group of bars for each percentile and rate. */
function openPlot({ open }: Results): Plot {
  const names = [...new Set(open.map(({ contender }) => contender))];
  const shares = [...new Set(open.map(({ share }) => share))];
  const percentiles = [
    ['p50', (one: OpenMeasure) => one.p50Ms],
    ['p99', (one: OpenMeasure) => one.p99Ms],
    ['p99.9', (one: OpenMeasure) => one.p999Ms],
  ] as const;
  const columns = shares.flatMap((share) => percentiles.map(([name, pick]) => ({ share, name, pick })));
  const option: EChartsOption = {
    xAxis: {
      type: 'category',
      data: columns.map(({ share, name }) => `${name}\n${Math.round(100 * share)} %`),
      axisLabel: { interval: 0 },
    },
    yAxis: { ...valueAxis('latency, ms'), type: 'log' },
    series: names.map((contender) => ({
      ...bars(1),
      ...named(contender),
      data: columns.map(({ share, pick }) => {
        const found = open.find((one) => one.contender === contender && one.share === share);
        return found ? median(found.rounds.map(pick)) : null;
      }),
    })),
  };
  return { name: 'open', title: 'Latency at shares of the highest rate (the mix, in an open loop)', option };
}

function perKbPlot(sizes: readonly Summary[]): Plot {
  const option: EChartsOption = {
    xAxis: {
      type: 'log',
      name: 'size of an event, KB',
      nameLocation: 'middle',
      nameGap: 32,
      min: 1,
      max: 10_000,
    },
    yAxis: { ...valueAxis('CPU time a KB, µs'), type: 'log' },
    series: SIZE_LINES.map(([name, position]) => ({
      type: 'line',
      ...named(name),
      silent: true,
      symbolSize: 8,
      label: { show: true, position, formatter: ({ value }) => secondOf(value) },
      data: sizes
        .filter(({ cell }) => cell.contender === name)
        .sort((a, b) => a.cell.eventBytes - b.cell.eventBytes)
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
    series: (['bare', 'floor', 'none'] as const).map((name) => ({
      ...bars(1),
      ...named(name),
      data: shapes.map(
        (shape) => batch.find(({ cell }) => cell.contender === name && cell.shape === shape)?.cpuMicros ?? 0,
      ),
    })),
  };
  return { name: 'batch', title: 'CPU time an event by the size of a batch (events of 3.5 KB)', option };
}

/** The name and the colour of a contender's series. */
function named(contender: ContenderName): { name: string; color: string } {
  return { name: SHORT[contender] ?? contender, color: COLOURS[contender] ?? '#000000' };
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
