/**
 * What a change takes from the application that runs, bits a second spread over the horizon: the model's cost of each
 * move (cost-of-change.ts), but never more than all traffic for as long as the copying takes. A large memory that is
 * copied over a wide link costs the application next to nothing, though many bits are sent.
 */
import type { Instance } from '../model/instance.js';
import type { Placement } from '../model/problem.js';

/** `measured`: all flows together, bits a second. */
export function changeCost(
  instance: Instance,
  present: Placement,
  { mapping, paths }: Placement,
  measured: number,
): number {
  let cost = 0;
  for (const [vm, host] of mapping.entries()) {
    const before = present.mapping[vm] as number;
    if (before === host) continue;
    const model = instance.moveCost[vm] as number;
    // Copied bits over the edge's rate are seconds: of the horizon, since the model's cost is bits / horizon.
    const share = Math.min(1, model / moveRate(instance, before, host));
    cost += Math.min(model, measured * share);
  }
  return cost + newLinks(instance, paths) * instance.linkCost;
}

/** The direct edge, or the best over one relay. Bits a second. */
function moveRate({ hosts, bandwidth }: Instance, from: number, to: number): number {
  let rate = bandwidth[from * hosts + to] as number;
  for (let relay = 0; relay < hosts; relay++) {
    if (relay === from || relay === to) continue;
    rate = Math.max(
      rate,
      Math.min(bandwidth[from * hosts + relay] as number, bandwidth[relay * hosts + to] as number),
    );
  }
  return Math.max(1, rate);
}

/** Directed edges that paths take and that no link is on. */
function newLinks({ hosts, linked }: Instance, paths: readonly Int32Array[]): number {
  if (linked.length === 0) return 0;
  const fresh = new Set<number>();
  for (const path of paths) {
    for (let i = 1; i < path.length; i++) {
      const edge = (path[i - 1] as number) * hosts + (path[i] as number);
      if (linked[edge] === 0) fresh.add(edge);
    }
  }
  return fresh.size;
}
