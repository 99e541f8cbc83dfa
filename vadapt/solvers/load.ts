/** Going on from a placement, also where not all of it holds any more. */
import type { Random } from '../../core/index.js';
import type { Placement } from '../model/problem.js';
import type { Arrangement } from './arrangement.js';
import { placeGreedily } from './greedy.js';

/** How much of a placement held: all of it, so that what is loaded is worth what it was; some; no mapping was found. */
export type Loaded = 'whole' | 'part' | 'none';

/**
 * Puts an arrangement that is empty to where a placement is, as far as that still holds: units that no longer fit, and
 * flows whose path is none any more, are placed and routed anew.
 */
export function loadPlacement(
  arrangement: Arrangement,
  placement: Placement,
  random: Random,
  over: () => boolean = () => false,
): Loaded {
  const { mapping, paths } = placement;
  const { places, routed, instance } = arrangement;
  let whole = true;
  places.members.forEach((vms, unit) => {
    const host = mapping[vms[0] as number] as number;
    if (places.may(unit, host) && places.fits(unit, host)) places.put(unit, host);
    else whole = false;
    for (const vm of vms) if (mapping[vm] !== host) whole = false;
  });
  for (let flow = 0; flow < instance.flows; flow++) {
    const path = paths[flow] as Int32Array;
    if (path.length > 0 && leads(arrangement, flow, path)) routed.lay(flow, path, path.length);
    else if (path.length > 0) whole = false;
  }
  routed.settle();
  arrangement.settleAll();
  if (!placeGreedily(arrangement, random, over)) return 'none';
  return whole ? 'whole' : 'part';
}

/** Whether a path still joins the flow's hosts. */
export function leads({ instance, places }: Arrangement, flow: number, path: Int32Array): boolean {
  const { hosts, bandwidth, relays, maxHops, flowFrom, flowTo } = instance;
  if (path[0] !== places.mapping[flowFrom[flow] as number]) return false;
  if (path[path.length - 1] !== places.mapping[flowTo[flow] as number]) return false;
  if (path.length - 1 > maxHops) return false;
  for (let i = 1; i < path.length; i++) {
    const host = path[i] as number;
    if (!((bandwidth[(path[i - 1] as number) * hosts + host] as number) > 0)) return false;
    if (i < path.length - 1 && relays[host] !== 1) return false;
    for (let j = 0; j < i; j++) if (path[j] === host) return false;
  }
  return true;
}
