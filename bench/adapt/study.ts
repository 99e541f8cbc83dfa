/**
 * A study: an experiment of the paper again, in the lab. What all of them share is here: number of runs, the files of
 * the result (every run as CSV, the plot as SVG, how it came about as JSON), and the marks of runs in which the machine
 * was the bottleneck.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Figure } from '../figure.js';
import { type Chart, drawChart } from './chart/index.js';
import { type Row, toCsv } from './csv.js';
import { commitName, machineFacts } from './machine-facts.js';
import type { StudyOptions } from './options.js';
import { BUSY_MAX } from './processor-watch.js';

export interface Study {
  /** As `--figure` names it: the paper's number, or a word. */
  figure: string;
  title: string;
  runs: { usual: number; quick: number };
  measure(context: StudyContext): Promise<StudyResult>;
}

export interface StudyContext {
  runs: number;
  quick: boolean;
  seed: number;
  /** Says how far it is, on standard error. */
  tell(text: string): void;
}

export interface StudyResult {
  figures: Figure[];
  /** One each run. `busyShare`: of the machine's processors while it measured. */
  rows: Row[];
  /** At least one; the first is the figure itself. */
  charts: Chart[];
  /** All that one needs to set it up again: hosts, rates, quotas, settings. */
  parameters: unknown;
}

/** Runs a study and writes `figure-N.csv`, `.svg` and `.json` into the folder. */
export async function runStudy(study: Study, options: StudyOptions): Promise<Figure[]> {
  const { quick, seed, out } = options;
  const runs = options.runs ?? study.runs[quick ? 'quick' : 'usual'];
  const [startedAt, facts] = [new Date(), machineFacts()];
  const tell = (text: string) => void process.stderr.write(`  ${study.figure}: ${text}\n`);
  const { figures, rows, charts, parameters } = await study.measure({ runs, quick, seed, tell });
  const busy = rows.map((row) => row['busyShare']).filter((share) => typeof share === 'number');
  const tooBusy = busy.filter((share) => share > BUSY_MAX).length;
  const record = {
    ...{ figure: study.figure, title: study.title, commit: commitName(), startedAt: startedAt.toISOString() },
    ...{ seconds: (Date.now() - startedAt.getTime()) / 1000, seed, runs, quick, machine: facts },
    ...{ busyShareMax: BUSY_MAX, runsAboveIt: tooBusy, parameters, figures },
  };
  mkdirSync(out, { recursive: true });
  const stem = join(out, `figure-${study.figure}`);
  writeFileSync(`${stem}.csv`, toCsv(rows));
  for (const [index, chart] of charts.entries())
    writeFileSync(`${stem}${index === 0 ? '' : `-${index + 1}`}.svg`, drawChart(chart));
  writeFileSync(`${stem}.json`, `${JSON.stringify(record, null, 2)}\n`);
  tell(`written to ${stem}.csv, .svg, .json`);
  return busy.length === 0 ? figures : [...figures, busyFigure(busy, tooBusy)];
}

/** Said in every table; the runs themselves carry their own share in the CSV. */
function busyFigure(shares: number[], tooBusy: number): Figure {
  return {
    name: "the machine's processors, busy",
    unit: '%',
    samples: shares.map((share) => share * 100),
    beside: `${tooBusy} of ${shares.length} runs above ${BUSY_MAX * 100}%: marked in the CSV`,
    met: tooBusy === 0,
  };
}
