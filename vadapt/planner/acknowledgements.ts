/** Flows that only acknowledge what the other direction of their pair carries: they go as fast as that lets them. */
import type { Instance } from '../model/instance.js';

/** A direction that carries this many times less than the other. A TCP stream's acknowledgements: 25 to 60 times. */
export const ACKNOWLEDGED_RATIO = 15;

/** By flow, the one that it acknowledges; -1: none. */
export function acknowledged({ vms, flows, flowFrom, flowTo, demand }: Instance): Int32Array {
  const key = (from: number, to: number) => from * vms + to;
  const byPair = new Map<number, number>();
  for (let flow = 0; flow < flows; flow++)
    byPair.set(key(flowFrom[flow] as number, flowTo[flow] as number), flow);
  return Int32Array.from({ length: flows }, (_, flow) => {
    const other = byPair.get(key(flowTo[flow] as number, flowFrom[flow] as number));
    if (other === undefined) return -1;
    const [own, whole] = [demand[flow] as number, demand[other] as number];
    return whole > 0 && whole >= ACKNOWLEDGED_RATIO * own ? other : -1;
  });
}
