/** Lines over a quantity: medians joined, the spread and every run at each point. */
import { median } from '../../figure.js';
import { colourOf, type Frame, framed, horizontalAxis, PLOT, verticalAxis } from './frame.js';
import { finite, spreadMarks } from './marks.js';
import { linearScale, logScale, tickText } from './scale.js';
import { element } from './svg.js';

export interface LineSeries {
  name: string;
  points: readonly { x: number; samples: readonly number[] }[];
}

export interface LineChart extends Frame {
  kind: 'lines';
  /** Default: both linear, from 0. */
  xLog?: boolean;
  yLog?: boolean;
  series: readonly LineSeries[];
}

/** Series stand apart by so much, so that whiskers at one place can be told apart. */
const APART = 5;

export function drawLines(chart: LineChart): string {
  const points = chart.series.flatMap((series) => series.points);
  const [xs, ys] = [points.map(({ x }) => x), finite(points.flatMap(({ samples }) => samples))];
  const inset: [number, number] = [PLOT.left + 24, PLOT.right - 24];
  const up: [number, number] = [PLOT.bottom, PLOT.top];
  const x = chart.xLog ? logScale(xs, inset) : linearScale(Math.max(...xs), inset);
  const y = chart.yLog ? logScale(ys, up) : linearScale(Math.max(...ys), up);
  const marks = [
    ...verticalAxis(y),
    ...horizontalAxis([...new Set(xs)].map((at) => ({ x: x.at(at), text: tickText(at) }))),
  ];
  for (const [index, series] of chart.series.entries()) {
    const colour = colourOf(index);
    const shift = (index - (chart.series.length - 1) / 2) * APART;
    const places = series.points.flatMap(({ x: at, samples }) => {
      const known = finite(samples);
      if (known.length === 0) return [];
      marks.push(...spreadMarks(x.at(at) + shift, known, y, colour));
      return [{ cx: x.at(at) + shift, cy: y.at(median(known)) }];
    });
    const path = places.map(({ cx, cy }) => `${cx.toFixed(1)},${cy.toFixed(1)}`).join(' ');
    marks.push(element('polyline', { points: path, fill: 'none', stroke: colour, 'stroke-width': 2 }));
    marks.push(...places.map((place) => element('circle', { ...place, r: 4, fill: colour })));
  }
  const entries = chart.series.map(({ name }, i) => ({ name, colour: colourOf(i) }));
  return framed(chart, entries, marks);
}
