/** What every chart has around its marks: title, axes with units, grid, legend. */
import type { Scale } from './scale.js';
import { tickText } from './scale.js';
import { element, line, words } from './svg.js';

export interface Frame {
  title: string;
  /** What it was measured on, a line. */
  subtitle?: string;
  /** With their units. */
  xLabel: string;
  yLabel: string;
}

export interface LegendEntry {
  name: string;
  colour: string;
  /** The paper's: drawn as an outline. */
  hollow?: boolean;
}

export const WIDTH = 760;
export const HEIGHT = 440;
/** Of the marks, in pixels. */
export const PLOT = { left: 70, right: WIDTH - 20, top: 84, bottom: HEIGHT - 58 };
/** Okabe and Ito 2008: told apart by all eyes. */
export const COLOURS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#d55e00', '#56b4e9', '#999999'];
export const INK = '#222222';
const GRID = '#dddddd';
const FONT = 'Helvetica, Arial, sans-serif';
const SMALL = 12;
const LEGEND_LETTER_WIDTH = 6.6;
const LEGEND_GAP = 34;

export const colourOf = (index: number): string => COLOURS[index % COLOURS.length] ?? INK;

/** The horizontal grid and its numbers. */
export function verticalAxis(scale: Scale): string[] {
  return scale.ticks.flatMap((tick) => [
    line(PLOT.left, scale.at(tick), PLOT.right, scale.at(tick), { stroke: GRID }),
    words(tickText(tick), {
      ...{ x: PLOT.left - 8, y: scale.at(tick) + 4, 'text-anchor': 'end', 'font-size': SMALL },
    }),
  ]);
}

/** Words below the horizontal axis. */
export function horizontalAxis(marks: readonly { x: number; text: string }[], ticks = true): string[] {
  return marks.flatMap(({ x, text }) => [
    ...(ticks ? [line(x, PLOT.bottom, x, PLOT.bottom + 5, { stroke: INK })] : []),
    words(text, { x, y: PLOT.bottom + 20, 'text-anchor': 'middle', 'font-size': SMALL }),
  ]);
}

function legend(entries: readonly LegendEntry[]): string[] {
  let x = PLOT.left;
  return entries.flatMap(({ name, colour, hollow }) => {
    const swatch = { x, y: 58, width: 12, height: 12, stroke: colour, fill: hollow ? 'white' : colour };
    const parts = [element('rect', swatch), words(name, { x: x + 18, y: 68, 'font-size': SMALL })];
    x += name.length * LEGEND_LETTER_WIDTH + LEGEND_GAP;
    return parts;
  });
}

/** The whole document. */
export function framed(frame: Frame, entries: readonly LegendEntry[], marks: readonly string[]): string {
  const middle = (PLOT.top + PLOT.bottom) / 2;
  const parts = [
    element('rect', { width: WIDTH, height: HEIGHT, fill: 'white' }),
    words(frame.title, { x: PLOT.left, y: 26, 'font-size': 16, 'font-weight': 'bold' }),
    words(frame.subtitle ?? '', { x: PLOT.left, y: 45, 'font-size': SMALL, fill: '#555555' }),
    ...legend(entries),
    ...marks,
    line(PLOT.left, PLOT.bottom, PLOT.right, PLOT.bottom, { stroke: INK }),
    line(PLOT.left, PLOT.top, PLOT.left, PLOT.bottom, { stroke: INK }),
    words(frame.xLabel, {
      ...{ x: (PLOT.left + PLOT.right) / 2, y: HEIGHT - 14, 'text-anchor': 'middle', 'font-size': 13 },
    }),
    words(frame.yLabel, {
      ...{ x: 18, y: middle, transform: `rotate(-90 18 ${middle})`, 'text-anchor': 'middle' },
      'font-size': 13,
    }),
  ];
  const attributes = {
    ...{ xmlns: 'http://www.w3.org/2000/svg', viewBox: `0 0 ${WIDTH} ${HEIGHT}` },
    ...{ width: WIDTH, height: HEIGHT, 'font-family': FONT, fill: INK },
  };
  return `${element('svg', attributes, parts)}\n`;
}
