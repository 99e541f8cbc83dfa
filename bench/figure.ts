/** Measurements of one quantity, and the table they are reported in. */

export interface Figure {
  name: string;
  unit: string;
  /** Of every run. */
  samples: number[];
  /** What it is held against. */
  beside: string;
  /** True where the bar the project set itself is met; undefined: no bar, only a figure. */
  met?: boolean;
}

/** What a section needs is not on this machine: it is skipped by name, which is no failure. */
export class Absent extends Error {}

export function median(samples: number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

const number = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

export function printFigures(title: string, figures: Figure[]): void {
  process.stdout.write(`\n${title}\n`);
  const rows = figures.map(({ name, unit, samples, beside, met }) => [
    name,
    `${number(median(samples))} ${unit}`,
    samples.length > 1
      ? `${number(Math.min(...samples))} .. ${number(Math.max(...samples))} (${samples.length})`
      : '',
    beside,
    met === undefined ? '' : met ? 'met' : 'NOT MET',
  ]);
  const head = ['', 'median', 'spread (runs)', 'beside', 'bar'];
  const widths = head.map((cell, column) =>
    Math.max(cell.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  for (const row of [head, ...rows]) {
    process.stdout.write(
      `  ${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    );
  }
}
