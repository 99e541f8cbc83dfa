/** Tables: aligned, as wide as what is in them, shortened only on a terminal too narrow for them. */
import { visibleLength, plain } from './palette.js';

export interface Column {
  title: string;
  /** Numbers are read from the right. */
  right?: boolean;
  /** May be shortened, down to `MIN_FLEX_WIDTH`, when the terminal is too narrow. */
  flex?: boolean;
}

const GAP = '  ';
const MIN_FLEX_WIDTH = 8;

export interface TableStyle {
  /** Paints the heading. */
  title: (text: string) => string;
  ellipsis: string;
  /** Width of the terminal; absent: as wide as needed. */
  columns?: number;
}

/** Lines of the table, heading first, no trailing blanks. Columns that are empty in every row are left out. */
export function table(columns: Column[], rows: string[][], style: TableStyle): string[] {
  const used = columns
    .map((column, index) => ({ column, index }))
    .filter(({ index }) => rows.some((row) => plain(row[index] ?? '') !== ''));
  const widths = used.map(({ column, index }) =>
    Math.max(column.title.length, ...rows.map((row) => visibleLength(row[index] ?? ''))),
  );
  if (style.columns !== undefined)
    squeeze(
      widths,
      used.map(({ column }) => column),
      style.columns,
    );
  const line = (cells: string[]): string =>
    cells
      .map((cell, at) =>
        pad(shorten(cell, widths[at] ?? 0, style.ellipsis), widths[at] ?? 0, used[at]?.column.right ?? false),
      )
      .join(GAP)
      .trimEnd();
  const heading = line(used.map(({ column }) => column.title));
  return [style.title(heading), ...rows.map((row) => line(used.map(({ index }) => row[index] ?? '')))];
}

/** Takes from the widest column that may give, a character at a time. */
function squeeze(widths: number[], columns: Column[], limit: number): void {
  const total = (): number =>
    widths.reduce((sum, width) => sum + width, 0) + GAP.length * (widths.length - 1);
  while (total() > limit) {
    let widest = -1;
    columns.forEach((column, at) => {
      const width = widths[at] ?? 0;
      if (column.flex && width > MIN_FLEX_WIDTH && width > (widths[widest] ?? 0)) widest = at;
    });
    if (widest < 0) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
}

/** Pads to a width on the screen. */
export function pad(text: string, width: number, right = false): string {
  const blanks = ' '.repeat(Math.max(0, width - visibleLength(text)));
  return right ? blanks + text : text + blanks;
}

/** Cuts to a width; a text that must be cut loses its colours with its end. */
export function shorten(text: string, width: number, ellipsis: string): string {
  if (visibleLength(text) <= width) return text;
  return [...plain(text)].slice(0, Math.max(0, width - ellipsis.length)).join('') + ellipsis;
}

/** Breaks prose at blanks so that no line is longer than `width`, each indented by `indent` characters. */
export function wrap(text: string, width: number, indent = 0): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && indent + line.length + 1 + word.length > width) {
      lines.push(' '.repeat(indent) + line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  if (line !== '') lines.push(' '.repeat(indent) + line);
  return lines;
}
