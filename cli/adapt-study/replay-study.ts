/** Every solver decides at every moment of a recording, each from where it had put the VMs itself. */
import { type NamedPlacement, namedPlacement, type Objective, type Problem } from '../../vadapt/index.js';
import { duration } from '../format.js';
import { momentProblem, movesOf } from './moment-problem.js';
import type { Moment } from './recorded-moments.js';
import { merged, type StudyOptions, type StudyResult, study } from './study.js';

export class ReplayStudy {
  readonly results: StudyResult[] = [];
  /** By solver: VMs that it moved, all moments together. */
  readonly moves: Map<string, number>;
  /** By solver and network. */
  readonly #before = new Map<string, NamedPlacement>();

  constructor(
    readonly base: Problem,
    readonly objective: Objective,
    readonly options: StudyOptions,
  ) {
    this.moves = new Map(options.solvers.map((solver) => [solver, 0]));
  }

  async decide(moment: Moment): Promise<void> {
    const parts: StudyResult[] = [];
    for (const solver of this.options.solvers) parts.push(await this.#decideBy(solver, moment));
    const [first, ...rest] = parts;
    if (first) this.results.push(merged([first, ...rest]));
  }

  async #decideBy(solver: string, moment: Moment): Promise<StudyResult> {
    const { base, objective, options } = this;
    const key = `${solver} ${moment.network}`;
    const before = this.#before.get(key);
    const { problem, instance } = momentProblem(base, moment, before);
    const name = `+${duration(moment.sinceMs)} ${moment.network}`;
    const result = await study({ name, instance, objective }, { ...options, solvers: [solver] });
    const placement = result.runs[0]?.placement;
    if (!placement) return result;
    const decided = namedPlacement(problem, placement);
    const moved = movesOf(before?.mapping ?? base.present?.mapping, decided.mapping).filter(
      ({ from }) => from !== undefined,
    );
    this.moves.set(solver, (this.moves.get(solver) ?? 0) + moved.length);
    this.#before.set(key, decided);
    return result;
  }
}
