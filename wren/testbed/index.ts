/** The methods of Wren against simulated links, where the truth is known. */
export {
  type AccuracyCase,
  type AccuracyResult,
  accuracyTable,
  GRID_LOADS,
  GRID_RATES,
  measureAccuracy,
  quantile,
} from './accuracy.js';
export { changeSeenMs } from './change.js';
export { CrossTraffic } from './cross-traffic.js';
export { Hop } from './hop.js';
export { BUSY, SimulatedLink, type SimulatedOptions } from './simulated-link.js';
export { World } from './world.js';
