/** What all parts of a network's loop share. */
import type { Clock } from '../../core/index.js';
import type { Solve } from '../planner/index.js';
import type { Acting } from './acting.js';
import type { Memory } from './memory.js';
import type { AdaptWorld } from './world.js';

export interface LoopParts {
  world: AdaptWorld;
  memory: Memory;
  acting: Acting;
  clock: Clock;
  /** Milliseconds since the epoch. */
  calendar: () => number;
  solve: Solve;
}
