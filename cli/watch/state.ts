/** What `vnet watch` knows at one moment, and how it learns it: polls cheaply, keeps what is shown and no more. */
import {
  type MatrixView,
  type OverlayEvent,
  type TopologyView,
  type UnderlayView,
  VnetError,
} from '../../core/index.js';
import type { Placement } from '../draw/index.js';
import type { Run } from '../run.js';
import { placementOf } from '../topology-text.js';

/** Rates of all pairs together that the small chart shows. */
export const TOTALS_MAX = 60;
/** Events on the screen. */
export const EVENTS_MAX = 5;
/** The underlay changes slowly, placement rarely: every so many polls. */
const UNDERLAY_EVERY = 5;
/** The busiest pairs: the screen has room for fewer, and the small chart misses little of what all send. */
const MATRIX_PAIRS = 2000;
const OVERLAY_EVERY = 10;

export interface WatchState {
  topology?: TopologyView;
  matrix?: MatrixView;
  underlay?: UnderlayView;
  hostOf: Placement;
  /** Bits a second, the newest last. */
  totals: number[];
  events: OverlayEvent[];
  /** Of the last poll: what is shown is older then. */
  trouble?: VnetError;
  polls: number;
}

export const emptyWatch = (): WatchState => ({ hostOf: new Map(), totals: [], events: [], polls: 0 });

/** Asks once. What cannot be had now stays as it was, and `trouble` says why; nothing is thrown. */
export async function poll(run: Run, state: WatchState, network: string | undefined): Promise<void> {
  const turn = state.polls++;
  try {
    const [topology, matrix] = await Promise.all([
      run.client.inferredTopology(network),
      run.client.matrix(network, MATRIX_PAIRS),
    ]);
    Object.assign(state, { topology, matrix });
    state.totals.push(matrix.pairs.reduce((sum, pair) => sum + pair.bitsPerSecond, 0));
    if (state.totals.length > TOTALS_MAX) state.totals.shift();
    if (turn % UNDERLAY_EVERY === 0) state.underlay = await run.client.underlay();
    if (turn % OVERLAY_EVERY === 0) state.hostOf = placementOf(await run.client.overview(), topology.network);
    delete state.trouble;
  } catch (thrown) {
    state.trouble = VnetError.from(thrown);
  }
}

export function noteEvent(state: WatchState, event: OverlayEvent): void {
  state.events.push(event);
  if (state.events.length > EVENTS_MAX) state.events.shift();
}
