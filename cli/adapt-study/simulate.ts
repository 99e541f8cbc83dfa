/** A recording, and what one solver would decide at each of its moments. */
import {
  type NamedPlacement,
  namedPlacement,
  type Objective,
  type ParsedInstance,
  runSolver,
  type Solution,
  warmSolvers,
} from '../../vadapt/index.js';
import { duration } from '../format.js';
import { moment as clockTime } from '../moment.js';
import type { Run } from '../run.js';
import { outcomeLine } from './decision-text.js';
import { linksOf, momentProblem, movesOf } from './moment-problem.js';
import { type Moment, recordedMoments } from './recorded-moments.js';

export interface Simulation {
  solver: string;
  budgetMs: number;
  seed: number;
  signal: AbortSignal;
  network?: string;
  /** Absent: only what is inferred. */
  on?: ParsedInstance;
  objective?: Objective;
}

/** Prints as it goes; with `--json` a document a line. */
export async function simulate(
  run: Run,
  path: string,
  { on, objective, network, ...search }: Simulation,
): Promise<void> {
  if (on) await warmSolvers();
  /** By network. */
  const decided = new Map<string, NamedPlacement>();
  const strangers = new Set<string>();
  let count = 0;
  for await (const moment of recordedMoments(path, network)) {
    count++;
    if (!on || !objective) showMoment(run, moment);
    else {
      const before = decided.get(moment.network);
      const { problem, instance, strangers: unknown } = momentProblem(on.problem, moment, before);
      for (const name of unknown) strangers.add(name);
      const solution = await runSolver(instance, search.solver, { ...search, objective });
      const after = namedPlacement(problem, solution);
      showDecided(run, moment, before ?? presentOf(on), after, solution);
      decided.set(moment.network, after);
    }
    if (search.signal.aborted) break;
  }
  if (run.json) return;
  const { faint, warn } = run.paint;
  if (strangers.size > 0)
    run.note(warn(`not in the instance, left out: ${[...strangers].sort().join(', ')}`));
  run.print(faint(`${count} ${count === 1 ? 'topology' : 'topologies'} declared`));
  if (!on) run.print(faint('With --on INSTANCE it says what would be decided: docs/instances.md'));
}

function presentOf({ problem }: ParsedInstance): Before | undefined {
  return (
    problem.present && {
      mapping: problem.present.mapping,
      paths: problem.present.links ?? [],
      isPresent: true,
    }
  );
}

/** Where things are before a decision; what nobody decided, as the star's links, is nobody's to remove either. */
interface Before extends NamedPlacement {
  isPresent?: true;
}

function showMoment(run: Run, moment: Moment): void {
  if (!run.json) return run.print(headLine(run, moment));
  const { atMs, network, state, text, flows } = moment;
  run.print(JSON.stringify({ atMs, network, state, text, flows }));
}

function showDecided(
  run: Run,
  moment: Moment,
  before: Before | undefined,
  after: NamedPlacement,
  solution: Solution,
): void {
  const moves = movesOf(before?.mapping, after.mapping);
  const [had, has] = [hostPairs(before), hostPairs(after)];
  const made = [...has].filter((pair) => !had.has(pair));
  const gone = before?.isPresent ? [] : [...had].filter((pair) => !has.has(pair));
  if (run.json) {
    const { atMs, network, state, text, flows } = moment;
    const { value, bound, gap, solver, tookMs } = solution;
    const proven = Number.isFinite(bound) ? { bound, gap } : { bound: null, gap: null };
    const links = { made: made.map((pair) => pair.split(' ')), gone: gone.map((pair) => pair.split(' ')) };
    const outcome = { solver, value, ...proven, tookMs, moves, links, ...after };
    return run.print(JSON.stringify({ atMs, network, state, text, flows, ...outcome }));
  }
  const { vm, host, good, bad, warn, faint } = run.paint;
  run.print(
    headLine(run, moment),
    ...moves.map(({ vm: name, from, to }) =>
      from === undefined
        ? `  ${good('+')} place ${vm(name)} on ${host(to)}`
        : `  ${warn('>')} move ${vm(name)}  ${host(from)} ${run.glyphs.arrow} ${host(to)}`,
    ),
    ...made.map((pair) => `  ${good('+')} link ${pair}`),
    ...gone.map((pair) => `  ${bad('-')} link ${pair}`),
    faint(`  ${outcomeLine(solution)}`),
  );
}

/** That paths join, either way: `a b`. */
function hostPairs(placement: NamedPlacement | undefined): Set<string> {
  return new Set(linksOf(placement ?? { paths: [] }).map((ends) => [...ends].sort().join(' ')));
}

function headLine(run: Run, { atMs, sinceMs, network, state, text }: Moment): string {
  const paint = state === 'union' ? run.paint.warn : run.paint.strong;
  const since = `+${duration(Math.max(0, sinceMs))}`;
  return `${clockTime(new Date(atMs).toISOString())}  ${since.padStart(9)}  ${network}  ${paint(text)}`;
}
