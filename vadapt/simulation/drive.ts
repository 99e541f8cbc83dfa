/** A controller in a simulated overlay, with time that goes on by hand: the same seed gives the same run. */
import { type AdaptSettings, ManualClock, type Random, seededRandom } from '../../core/index.js';
import { evaluate } from '../model/evaluate.js';
import type { Solver } from '../model/solver.js';
import type { Solve } from '../planner/index.js';
import { AdaptController } from '../controller/index.js';
import { Simulation, type SimulationOptions, TICK_MS } from './overlay.js';
import type { ControllerMemory } from '../controller/index.js';

export interface DriveOptions extends Omit<SimulationOptions, 'clock' | 'random'> {
  seed?: number;
  settings?: Partial<AdaptSettings>;
  solver: Solver;
  /** Of a run before: a restart. */
  memory?: ControllerMemory;
}

/** 2027-01-15 08:00 UTC. */
const EPOCH_MS = 1_800_000_000_000;
/** Looks at the clock that a search may take. */
const SEARCH_LOOKS = 120;

export class Drive {
  readonly clock = new ManualClock();
  readonly world: Simulation;
  /** Called in place of the solver where it is set. */
  solve: Solve;
  controller: AdaptController;
  readonly #random: Random;
  readonly #settings: Partial<AdaptSettings>;

  constructor({ seed = 1, settings = {}, solver, memory, ...simulation }: DriveOptions) {
    this.#random = seededRandom(seed);
    this.#settings = settings;
    this.world = new Simulation({ ...simulation, clock: this.clock, random: this.#random });
    this.solve = solveBy(solver, this.#random);
    this.controller = this.#controller(memory);
  }

  async start(): Promise<void> {
    await this.controller.setAdaptation({ mode: 'auto', ...this.#settings });
    this.controller.start();
  }

  /** The Proxy starts again, with what was kept. */
  async restart(): Promise<void> {
    // What the old one does after its end is nobody's concern.
    void this.controller.close();
    this.controller = this.#controller(this.world.memory);
    this.controller.start();
  }

  /** `each`: after every tick. */
  async run(seconds: number, each: (atMs: number) => void = () => {}): Promise<void> {
    const ticks = Math.round((seconds * 1000) / TICK_MS);
    for (let tick = 0; tick < ticks; tick++) {
      each(this.clock.now());
      this.clock.advance(TICK_MS);
      this.world.tick();
      await new Promise(setImmediate);
    }
  }

  #controller(memory: ControllerMemory | undefined): AdaptController {
    return new AdaptController({
      world: this.world,
      clock: this.clock,
      random: this.#random,
      calendar: () => EPOCH_MS + this.clock.now(),
      solve: (instance, request) => this.solve(instance, request),
      ...(memory && { memory }),
    });
  }
}

/** In the caller's turn. Time is counted in looks at the clock, so that the budget cuts off at the same place. */
export function solveBy(solver: Solver, random: Random): Solve {
  return async (instance, { objective, start }) => {
    let looks = 0;
    const now = () => looks++;
    const answer = solver.solve(instance, {
      objective,
      budgetMs: SEARCH_LOOKS,
      now,
      random,
      ...(start && { start }),
    });
    if (!answer) throw new Error('no placement that every host can hold');
    const { value } = evaluate(instance, objective, answer);
    return { ...answer, solver: solver.name, value, bound: Number.MAX_VALUE, gap: 1, tookMs: 0 };
  };
}
