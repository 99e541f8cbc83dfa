/**
 * A traffic matrix as a heat map: a row for each sender, a column for each receiver. Where more VMs talk than the
 * terminal has columns, neighbours are folded into one cell, which shows the busiest of its pairs.
 */
import { type HeatStyle, heatCell, heatLegend, logHeat } from './heat.js';
import { pad, shorten } from '../table.js';

export interface HeatMapInput {
  /** Names in the order of rows and columns. */
  names: readonly string[];
  /** Sender, receiver, rate; both among `names`. */
  pairs: readonly { from: string; to: string; rate: number }[];
  /** Characters a line may have. */
  columns: number;
  style: HeatStyle;
  ellipsis: string;
  /** Paints row and column labels. */
  label: (text: string) => string;
  /** How the legend writes a rate. */
  text: (rate: number) => string;
}

const NAME_WIDTH_MAX = 24;
/** Characters of a cell, the best that fits. */
const CELL_WIDTHS = [3, 2, 1];
/** In the label of several VMs. */
const BETWEEN = ' - ';

/** Consecutive names that share a row and a column. */
interface Bin {
  first: string;
  last: string;
  members: number;
}

export function heatMap(input: HeatMapInput): string[] {
  const { names, style, columns } = input;
  const numbersWidth = String(names.length).length;
  const longest = Math.max(0, ...names.map((name) => name.length));
  /** What is left for cells beside a label this wide. */
  const roomBeside = (label: number): number =>
    Math.max(1, columns - Math.min(NAME_WIDTH_MAX, label) - numbersWidth - 2);
  const cellWidth = CELL_WIDTHS.find((width) => names.length * width <= roomBeside(longest)) ?? 1;
  const fits = names.length * cellWidth <= roomBeside(longest);
  const fold = fits ? 1 : Math.ceil(names.length / roomBeside(2 * longest + BETWEEN.length));
  const bins = foldNames(names, fold);
  const rates = foldRates(input, fold);
  const most = Math.max(0, ...rates.values());
  const labels = bins.map(({ first, last, members }) => (members === 1 ? first : first + BETWEEN + last));
  const width = Math.min(NAME_WIDTH_MAX, Math.max(0, ...labels.map((text) => text.length)));
  const lines = heading(input, bins.length, cellWidth, width + numbersWidth + 2);
  labels.forEach((text, row) => {
    const number = String(row + 1).padStart(numbersWidth);
    const cells = bins.map((_, column) => {
      const heat = logHeat(rates.get(row * bins.length + column) ?? 0, most);
      return heatCell(style, heat, cellWidth);
    });
    lines.push(
      `${pad(input.label(shorten(text, width, input.ellipsis)), width)} ${number} ${cells.join('').trimEnd()}`.trimEnd(),
    );
  });
  lines.push('', `${' '.repeat(width + numbersWidth + 2)}${heatLegend(style, most, input.text)}`);
  if (fold > 1) lines.push(`${fold} VMs share a row and a column: a cell shows the busiest of their pairs.`);
  return lines;
}

/** Numbers of the columns, a digit a line where a cell is narrower than the number. */
function heading(input: HeatMapInput, bins: number, cellWidth: number, indent: number): string[] {
  const numbers = Array.from({ length: bins }, (_, at) => String(at + 1));
  const digits = String(bins).length;
  if (digits < cellWidth || bins === 1)
    return [' '.repeat(indent) + input.label(numbers.map((text) => pad(text, cellWidth, true)).join(''))];
  return Array.from({ length: digits }, (_, line) =>
    (
      ' '.repeat(indent) +
      input.label(numbers.map((text) => pad(text.padStart(digits)[line] ?? ' ', cellWidth, true)).join(''))
    ).trimEnd(),
  );
}

function foldNames(names: readonly string[], fold: number): Bin[] {
  const bins: Bin[] = [];
  for (let at = 0; at < names.length; at += fold) {
    const members = names.slice(at, at + fold);
    bins.push({ first: members[0] ?? '', last: members.at(-1) ?? '', members: members.length });
  }
  return bins;
}

/** The busiest pair of each cell, by row * bins + column. */
function foldRates({ names, pairs }: HeatMapInput, fold: number): Map<number, number> {
  const place = new Map(names.map((name, at) => [name, Math.floor(at / fold)]));
  const bins = Math.ceil(names.length / fold);
  const rates = new Map<number, number>();
  for (const { from, to, rate } of pairs) {
    const [row, column] = [place.get(from), place.get(to)];
    if (row === undefined || column === undefined) continue;
    const cell = row * bins + column;
    rates.set(cell, Math.max(rates.get(cell) ?? 0, rate));
  }
  return rates;
}
