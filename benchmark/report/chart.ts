/** Plots as SVG, drawn by ECharts without a browser. */
import { init, type EChartsOption } from 'echarts';

export interface Plot {
  /** Name of the file, without `.svg`. */
  readonly name: string;
  readonly title: string;
  readonly option: EChartsOption;
}

const WIDTH = 900;
const HEIGHT = 440;

/** Draws a plot. The same numbers give the same bytes. */
export function drawPlot({ title, option }: Plot): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: 'sans-serif', fontSize: 13 },
    title: { text: title, left: 'center', top: 8, textStyle: { fontSize: 16 } },
    // ECharts measures text without a font: the text is wider than it assumes.
    legend: { top: 40, itemGap: 32 },
    grid: { left: 80, right: 40, top: 90, bottom: 70 },
    ...option,
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  // Hover styles have no effect in a file, and their names differ from plot to plot.
  return svg
    .replace(/<style[\s\S]*?<\/style>/g, '')
    .replaceAll(/ class="[^"]*"| ecmeta_[a-z_]+="[^"]*"/g, '')
    .replaceAll(/\bzr\d+-/g, 'zr-');
}
