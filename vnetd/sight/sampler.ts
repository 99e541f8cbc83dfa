/**
 * Reads the data plane's counters on one grid for both who want them: pairs for the traffic matrix, the links' states
 * for what is underneath. One snapshot serves both, and there are never two under way.
 */
import type { Clock, LinkState, PairCounters, PlaneSnapshot } from '../../core/index.js';
import { Metronome } from './metronome.js';

/** Links' states are wanted about this often. */
export const STATES_MS = 250;

export interface SamplerOptions {
  clock: Clock;
  snapshot(): Promise<PlaneSnapshot>;
  /** `atMs`: by the clock, when the counters were asked for. */
  onPairs(pairs: PairCounters, atMs: number): void;
  onStates(states: LinkState[], atMs: number): void;
  /** Once for failures in a row. */
  onFailure(thrown: unknown): void;
}

/** How beats, pairs and states divide. */
interface Grid {
  beatMs: number;
  /** Pairs every so many beats; 0: never. */
  pairsEvery: number;
  statesEvery: number;
}

/** Pairs keep their period exactly; states come as near to STATES_MS as its multiples and parts allow. */
export function gridFor(updateMs: number | undefined): Grid {
  if (updateMs === undefined) return { beatMs: STATES_MS, pairsEvery: 0, statesEvery: 1 };
  const pairsEvery = Math.max(1, Math.round(updateMs / STATES_MS));
  const beatMs = updateMs / pairsEvery;
  return { beatMs, pairsEvery, statesEvery: Math.max(1, Math.round(STATES_MS / beatMs)) };
}

export class Sampler {
  readonly #options: SamplerOptions;
  readonly #metronome: Metronome;
  #grid: Grid = gridFor(undefined);
  #beat = 0;
  #running = false;
  #busy = false;
  #failed = false;

  constructor(options: SamplerOptions) {
    this.#options = options;
    this.#metronome = new Metronome(options.clock, () => void this.#sample());
  }

  /** `updateMs`: between two readings of the pairs; undefined: nobody wants them. */
  start(updateMs: number | undefined): void {
    const grid = gridFor(updateMs);
    const isSame = grid.beatMs === this.#grid.beatMs && grid.pairsEvery === this.#grid.pairsEvery;
    if (this.#running && isSame) return;
    this.#running = true;
    this.#grid = grid;
    this.#beat = 0;
    this.#metronome.start(grid.beatMs);
  }

  stop(): void {
    this.#running = false;
    this.#metronome.stop();
  }

  async #sample(): Promise<void> {
    const { clock, snapshot, onPairs, onStates, onFailure } = this.#options;
    const { pairsEvery, statesEvery } = this.#grid;
    this.#beat++;
    const wantsPairs = pairsEvery > 0 && this.#beat % pairsEvery === 0;
    const wantsStates = this.#beat % statesEvery === 0;
    if (this.#busy || !(wantsPairs || wantsStates)) return;
    this.#busy = true;
    const atMs = clock.now();
    try {
      const { pairs, links } = await snapshot();
      this.#failed = false;
      if (!this.#running) return;
      if (wantsStates) onStates(links, atMs);
      if (wantsPairs) onPairs(pairs, atMs);
    } catch (thrown) {
      if (this.#running && !this.#failed) onFailure(thrown);
      this.#failed = true;
    } finally {
      this.#busy = false;
    }
  }
}
