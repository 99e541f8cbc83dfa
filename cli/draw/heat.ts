/** Cells of a heat map: colour where the terminal has enough of it, blocks or letters elsewhere. */
import type { CliContext } from '../context.js';

export type ColourDepth = 'true' | '256' | 'none';

/** What the terminal can show: 24 bits where COLORTERM says so, 256 colours where TERM does. */
export function colourDepth(env: CliContext['env'], enabled: boolean): ColourDepth {
  if (!enabled) return 'none';
  if (/truecolor|24bit/i.test(env['COLORTERM'] ?? '')) return 'true';
  return /256/.test(env['TERM'] ?? '') ? '256' : 'none';
}

/** From cold to hot; each level is also a step in brightness, so the map reads without telling hues apart. */
const RAMP: readonly (readonly [red: number, green: number, blue: number])[] = [
  [32, 30, 66],
  [60, 48, 126],
  [108, 52, 148],
  [160, 56, 136],
  [208, 76, 104],
  [238, 116, 72],
  [250, 166, 60],
  [252, 222, 104],
];
const BLOCKS = ['░', '▒', '▓', '█'];
const LETTERS = ['.', ':', '-', '=', '+', '*', '%', '@'];

export interface HeatStyle {
  depth: ColourDepth;
  /** False: nothing but ASCII. */
  unicode: boolean;
}

/** Steps that this style tells apart. */
export const heatLevels = (style: HeatStyle): number =>
  style.depth !== 'none' ? RAMP.length : style.unicode ? BLOCKS.length : LETTERS.length;

/** One cell, `width` characters wide. `heat`: 0 to 1; undefined: nothing there. */
export function heatCell(style: HeatStyle, heat: number | undefined, width: number): string {
  if (heat === undefined) return (style.unicode ? '·' : ' ').padStart(width);
  const levels = heatLevels(style);
  const level = Math.min(levels - 1, Math.floor(Math.max(0, heat) * levels));
  if (style.depth === 'none') return ((style.unicode ? BLOCKS : LETTERS)[level] ?? '').repeat(width);
  const [red, green, blue] = RAMP[level] ?? [0, 0, 0];
  const colour = style.depth === 'true' ? `2;${red};${green};${blue}` : `5;${cube(red, green, blue)}`;
  return `\u001b[48;${colour}m${' '.repeat(width)}\u001b[49m`;
}

/** The nearest of the 6 x 6 x 6 colours of a terminal with 256. */
function cube(red: number, green: number, blue: number): number {
  const sixth = (value: number): number => (value < 48 ? 0 : value < 115 ? 1 : Math.floor((value - 35) / 40));
  return 16 + 36 * sixth(red) + 6 * sixth(green) + sixth(blue);
}

/** Decades below the most that a scale shows; what is less is the coldest level. */
const SCALE_DECADES = 4;

/** Where a rate stands between the least shown and the most, by its logarithm; undefined for none. */
export function logHeat(value: number, most: number): number | undefined {
  if (!(value > 0) || !(most > 0)) return undefined;
  return Math.max(0, Math.min(1, 1 + Math.log10(value / most) / SCALE_DECADES));
}

/** The legend: the least value of the scale, each level, the most. */
export function heatLegend(style: HeatStyle, most: number, text: (value: number) => string): string {
  const levels = heatLevels(style);
  const cells = Array.from({ length: levels }, (_, level) => heatCell(style, (level + 0.5) / levels, 2));
  return `${text(most / 10 ** SCALE_DECADES)} ${cells.join('')} ${text(most)}`;
}
