/**
 * What a change costs, in the unit of the objectives: bits that are not carried because of it, spread over the time for
 * which the better place will pay, the horizon.
 *
 *   move of VM v   (bits its pre-copy sends + its traffic x its stop) / horizon
 *   pre-copy       memory x min(ROUNDS_MAX, 1 / (1 - dirty / rate)): each pass sends what the pass before left dirty
 *                  (the geometric series of live migration, Clark et al., NSDI 2005, section 3)
 *   link           traffic that waits on the ground meanwhile is carried: only the set-up, LINK_SETUP_BITS / horizon
 */

export interface ChangeCosts {
  /** Seconds for which a change is expected to pay. */
  horizonSeconds: number;
  /** Of a migration. */
  moveBitsPerSecond: number;
  /** How long a VM stands still. */
  stopSeconds: number;
}

export const DEFAULT_COSTS: ChangeCosts = { horizonSeconds: 300, moveBitsPerSecond: 1e9, stopSeconds: 0.1 };
export const ROUNDS_MAX = 10;
/** A handshake, rules at some hosts, the first datagrams of a path. */
export const LINK_SETUP_BITS = 1e6;

/** `trafficBitsPerSecond`: all flows that begin or end at the VM. */
export function moveCost(
  vm: { memoryBytes?: number; dirtyBytesPerSecond?: number },
  trafficBitsPerSecond: number,
  costs: ChangeCosts,
): number {
  const dirty = (8 * (vm.dirtyBytesPerSecond ?? 0)) / costs.moveBitsPerSecond;
  const rounds = dirty < 1 ? Math.min(ROUNDS_MAX, 1 / (1 - dirty)) : ROUNDS_MAX;
  const copied = 8 * (vm.memoryBytes ?? 0) * rounds;
  return (copied + trafficBitsPerSecond * costs.stopSeconds) / costs.horizonSeconds;
}

export function linkCost(costs: ChangeCosts): number {
  return LINK_SETUP_BITS / costs.horizonSeconds;
}
