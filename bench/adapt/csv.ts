/** Runs as CSV (RFC 4180): a head, a row a run, columns in the order in which they first appear. */

export type Cell = string | number | boolean | undefined;
export type Row = Readonly<Record<string, Cell>>;

function cellText(cell: Cell): string {
  if (cell === undefined || (typeof cell === 'number' && !Number.isFinite(cell))) return '';
  const text = String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** What is undefined or no finite number is an empty cell. */
export function toCsv(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column]))];
  return lines.map((line) => `${line.map(cellText).join(',')}\r\n`).join('');
}
