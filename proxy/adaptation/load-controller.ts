/** The controller of `vadapt`, with its solvers in threads of their own. All of it is imported here, when first needed. */
import { VnetError } from '../../core/index.js';
import type { Controller, ControllerParts } from './adaptation.js';

/** Searches at a time: that of the controller, and one that a person asks for. */
const SOLVER_THREADS_MAX = 2;

export async function loadController({
  world,
  clock,
  memory,
  closing,
}: ControllerParts): Promise<Controller> {
  const { AdaptController, isStranger, runSolver, solverNamed, SolverThreads } = await import(
    '../../vadapt/index.js'
  );
  const threads = new SolverThreads(SOLVER_THREADS_MAX);
  closing.addEventListener('abort', () => threads.close(), { once: true });
  return new AdaptController({
    world,
    clock,
    random: Math.random,
    calendar: Date.now,
    solve: (instance, { solver, ...request }) =>
      runSolver(instance, solver, { ...request, threads, signal: closing }),
    whyNoSolver: (name) => {
      if (isStranger(name)) return undefined; // Looked at when it is run.
      try {
        solverNamed(name);
        return undefined;
      } catch (thrown) {
        const { message, hint } = VnetError.from(thrown);
        return hint === undefined ? message : `${message}: ${hint}`;
      }
    },
    ...(memory === undefined ? {} : { memory }),
  });
}
