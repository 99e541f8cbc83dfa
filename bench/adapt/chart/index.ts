/** Charts as SVG documents. */
import { type BarChart, drawBars } from './bars.js';
import { drawLines, type LineChart } from './lines.js';
import { drawScatter, type ScatterChart } from './scatter.js';

export type { BarChart } from './bars.js';
export type { LineChart } from './lines.js';
export type { ScatterChart } from './scatter.js';
export { linearScale, logScale, tickText } from './scale.js';
export type Chart = BarChart | LineChart | ScatterChart;

export function drawChart(chart: Chart): string {
  switch (chart.kind) {
    case 'bars':
      return drawBars(chart);
    case 'lines':
      return drawLines(chart);
    case 'scatter':
      return drawScatter(chart);
  }
}
