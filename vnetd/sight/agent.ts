/** What estimates the underlay, as the daemon runs it. */
import type { WrenAgent, WrenLink, WrenPlane } from '../../wren/index.js';

export type UnderlayAgent = Pick<
  WrenAgent,
  'links' | 'setProbeShare' | 'arrivals' | 'note' | 'states' | 'tick' | 'report'
>;

/** What an agent may do to the data plane. */
export type AgentPlane = WrenPlane;
export type SightLink = WrenLink;
