/** Solvers by the names that people type. */
import { VnetError } from '../../core/index.js';
import { type Highs, milpSolver } from '../exact/index.js';
import type { Solver } from '../model/solver.js';
import { SOLVERS } from '../solvers/index.js';
import { autoSolver } from './auto.js';

export interface NamedSolver {
  name: string;
  /** Where the method is from, a line. */
  source: string;
  /** In the thread that runs it: some bring a program with them. */
  load(): Promise<Solver>;
}

const ALL: readonly NamedSolver[] = [
  ...SOLVERS.map((solver) => atHand(solver.name === 'auto' ? autoSolver(solver) : solver)),
  { name: 'milp', source: 'mixed-integer linear program, HiGHS', load: loadMilp },
];

/** Built in. */
export function allSolvers(): readonly NamedSolver[] {
  return ALL;
}

/** @throws VNET_ERR_NOT_FOUND, with the names there are. */
export function solverNamed(name: string): NamedSolver {
  const found = ALL.find((solver) => solver.name === name);
  if (found) return found;
  throw new VnetError('VNET_ERR_NOT_FOUND', `no solver is called ${name}`, {
    hint: `there are ${ALL.map((solver) => solver.name).join(', ')}; a solver of yours is a file (./mine.mjs) or a program (exec:COMMAND)`,
  });
}

function atHand(solver: Solver): NamedSolver {
  return { name: solver.name, source: solver.source, load: async () => solver };
}

let highs: Promise<Solver> | undefined;

/** 4 MB of WebAssembly, once a thread. */
async function loadMilp(): Promise<Solver> {
  // The package's types are of CommonJS, its module is not.
  highs ??= import('highs').then(async ({ default: load }) =>
    milpSolver(await (load as unknown as () => Promise<Highs>)()),
  );
  return await highs;
}
