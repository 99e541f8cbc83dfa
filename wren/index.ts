/**
 * Wren (Virtuoso, section 5; Zangrilli and Lowekamp 2003): the network underneath, measured by the overlay's own
 * traffic and, within a stated share, by trains of its own. Pure logic: packets, time and chance are arguments.
 */
export { LINK_RECORDS_PER_SECOND, WrenAgent } from './agent.js';
export type { WrenLink, WrenOptions, WrenPlane } from './agent-options.js';
export { groupBottlenecks } from './bottlenecks.js';
export {
  CONFIDENCE_HALF_LIFE_MS,
  ESTIMATE_AGE_MAX_MS,
  type HostReach,
  type HostUnderlay,
  type UnderlayParts,
  underlayView,
} from './underlay-view.js';
