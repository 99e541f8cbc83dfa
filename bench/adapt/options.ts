/** What a person says of a run: `npm run bench -- adapt --figure 13 --runs 5 --quick --out DIR --seed 7`. */
import { join } from 'node:path';
import { commitName } from './machine-facts.js';

export const STUDY_OPTIONS = {
  figure: { type: 'string', multiple: true },
  runs: { type: 'string' },
  quick: { type: 'boolean' },
  out: { type: 'string' },
  seed: { type: 'string' },
} as const;

export interface StudyOptions {
  /** By the paper's numbers, or a word; empty: all. */
  figures: string[];
  /** Of every case; default: the study's own number. */
  runs?: number;
  /** Fewer runs, points and seconds: does it work at all. */
  quick: boolean;
  /** Folder of CSV, SVG and JSON; made if it is not there. */
  out: string;
  /** Of whatever is random: browsers, noise, the choice of regions. */
  seed: number;
}

const RUNS_MAX = 1000;

interface Words {
  figure?: string[];
  runs?: string;
  quick?: boolean;
  out?: string;
  seed?: string;
}

/** Throws what cannot be. The default folder is named after the day and the commit. @param figures there are */
export function readOptions(given: Words, figures: readonly string[]): StudyOptions {
  const unknown = given.figure?.find((figure) => !figures.includes(figure));
  if (unknown !== undefined)
    throw new Error(`there is no figure '${unknown}'; there are ${figures.join(', ')}`);
  const runs = given.runs === undefined ? undefined : whole('--runs', given.runs, 1, RUNS_MAX);
  const day = new Date().toISOString().slice(0, 10);
  return {
    figures: given.figure ?? [],
    ...(runs === undefined ? {} : { runs }),
    quick: given.quick ?? false,
    out: given.out ?? join('bench-results', `${day}-${commitName().replace('+', '')}`),
    seed: whole('--seed', given.seed ?? '1', 0, 2 ** 31 - 1),
  };
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`${name} is a whole number from ${least} to ${most}, not '${text}'`);
}
