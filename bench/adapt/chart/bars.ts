/** Bars in groups: medians, with the spread and every run; what a paper says beside them as an outline. */
import { median } from '../../figure.js';
import { colourOf, type Frame, framed, horizontalAxis, INK, PLOT, verticalAxis } from './frame.js';
import { finite, spreadMarks } from './marks.js';
import { linearScale, logScale } from './scale.js';
import { element, words } from './svg.js';

export interface BarSeries {
  name: string;
  /** A list a group; empty: no bar. */
  samples: readonly (readonly number[])[];
  /** Somebody else's figures: an outline. */
  hollow?: boolean;
}

export interface BarChart extends Frame {
  kind: 'bars';
  /** Default: linear, from 0. For figures of different orders; the bars then begin at the lowest tick. */
  yLog?: boolean;
  groups: readonly string[];
  series: readonly BarSeries[];
}

/** Of a group's width, bars take so much. */
const BARS_SHARE = 0.8;

const label = (value: number): string =>
  value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));

export function drawBars(chart: BarChart): string {
  const all = finite(chart.series.flatMap(({ samples }) => samples.flat()));
  const up: [number, number] = [PLOT.bottom, PLOT.top];
  const y = chart.yLog ? logScale(all, up) : linearScale(Math.max(0, ...all), up);
  const groupWidth = (PLOT.right - PLOT.left) / chart.groups.length;
  const width = (groupWidth * BARS_SHARE) / chart.series.length;
  const marks = [...verticalAxis(y)];
  const centres = chart.groups.map((text, group) => ({ x: PLOT.left + (group + 0.5) * groupWidth, text }));
  for (const [group, { x: centre }] of centres.entries()) {
    for (const [index, series] of chart.series.entries()) {
      const samples = finite(series.samples[group] ?? []);
      if (samples.length === 0) continue;
      const middle = median(samples);
      const left = centre + (index - chart.series.length / 2) * width;
      const colour = colourOf(index);
      const bar = { x: left + 1, y: y.at(middle), width: width - 2, height: PLOT.bottom - y.at(middle) };
      const fill = series.hollow ? 'white' : colour;
      marks.push(element('rect', { ...bar, fill, 'fill-opacity': 0.75, stroke: colour }));
      marks.push(...spreadMarks(left + width / 2, samples, y, INK));
      const top = y.at(Math.max(...samples)) - 5;
      marks.push(
        words(label(middle), { x: left + width / 2, y: top, 'text-anchor': 'middle', 'font-size': 10 }),
      );
    }
  }
  marks.push(...horizontalAxis(centres, false));
  const entries = chart.series.map(({ name, hollow = false }, i) => ({ name, colour: colourOf(i), hollow }));
  return framed(chart, entries, marks);
}
