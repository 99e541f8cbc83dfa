/** A set of samples as marks: their spread as a whisker, every one as a dot. */
import type { Scale } from './scale.js';
import { element, line } from './svg.js';

const CAP = 5;

export const finite = (samples: readonly number[]): number[] => samples.filter(Number.isFinite);

export function spreadMarks(x: number, samples: readonly number[], y: Scale, colour: string): string[] {
  if (samples.length < 2) return [];
  const [low, high] = [y.at(Math.min(...samples)), y.at(Math.max(...samples))];
  return [
    line(x, low, x, high, { stroke: colour, 'stroke-width': 1.5 }),
    ...[low, high].map((end) => line(x - CAP, end, x + CAP, end, { stroke: colour, 'stroke-width': 1.5 })),
    ...samples.map((sample) =>
      element('circle', { cx: x, cy: y.at(sample), r: 2, fill: colour, 'fill-opacity': 0.6 }),
    ),
  ];
}
