/** One quantity against another of the same unit, and the diagonal on which they are equal. */
import { colourOf, type Frame, framed, horizontalAxis, PLOT, verticalAxis } from './frame.js';
import { linearScale, logScale, tickText } from './scale.js';
import { element, line } from './svg.js';

export interface ScatterChart extends Frame {
  kind: 'scatter';
  /** Both axes. Default: linear, from 0. */
  log?: boolean;
  series: readonly { name: string; points: readonly { x: number; y: number }[] }[];
}

export function drawScatter(chart: ScatterChart): string {
  const usable = ({ x, y }: { x: number; y: number }) =>
    Number.isFinite(x) && Number.isFinite(y) && (!chart.log || (x > 0 && y > 0));
  const points = chart.series.flatMap((series) => series.points.filter(usable));
  // One domain for both: the diagonal is where they are equal.
  const values = points.flatMap(({ x, y }) => [x, y]);
  const make = (range: [number, number]) =>
    chart.log ? logScale(values, range) : linearScale(Math.max(0, ...values), range);
  const [x, y] = [make([PLOT.left, PLOT.right]), make([PLOT.bottom, PLOT.top])];
  const [low = 0, high = 0] = [x.ticks[0], x.ticks.at(-1)];
  const marks = [
    ...verticalAxis(y),
    ...horizontalAxis(x.ticks.map((tick) => ({ x: x.at(tick), text: tickText(tick) }))),
    line(x.at(low), y.at(low), x.at(high), y.at(high), { stroke: '#888888', 'stroke-dasharray': '6 4' }),
    ...chart.series.flatMap((series, index) =>
      series.points.filter(usable).map((point) =>
        element('circle', {
          ...{ cx: x.at(point.x), cy: y.at(point.y), r: 4, fill: colourOf(index), 'fill-opacity': 0.7 },
        }),
      ),
    ),
  ];
  const entries = chart.series.map(({ name }, i) => ({ name, colour: colourOf(i) }));
  return framed(chart, entries, marks);
}
