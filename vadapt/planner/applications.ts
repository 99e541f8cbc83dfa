/** VMs that talk to each other, directly or by others: union and find (Tarjan 1975). */
import type { Instance } from '../model/instance.js';

/** Flows by application, in the order of each one's first flow. */
export function applicationsOf({ vms, flows, flowFrom, flowTo }: Instance): number[][] {
  const parents = Int32Array.from({ length: vms }, (_, vm) => vm);
  const root = (vm: number): number => {
    let at = vm;
    while (parents[at] !== at) {
      parents[at] = parents[parents[at] as number] as number;
      at = parents[at] as number;
    }
    return at;
  };
  for (let flow = 0; flow < flows; flow++)
    parents[root(flowFrom[flow] as number)] = root(flowTo[flow] as number);
  const byRoot = new Map<number, number[]>();
  for (let flow = 0; flow < flows; flow++) {
    const at = root(flowFrom[flow] as number);
    const list = byRoot.get(at);
    if (list) list.push(flow);
    else byRoot.set(at, [flow]);
  }
  return [...byRoot.values()];
}
