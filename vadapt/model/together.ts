/** VMs that must share a host, joined over all the sets that name them. */
import type { Instance } from './instance.js';

/** VM to the number of what moves as one with it, from 0, in the order of their first VMs. */
export function togetherOf({ vms, together }: Instance): Int32Array {
  const leader = Int32Array.from({ length: vms }, (_, vm) => vm);
  const find = (vm: number): number => {
    let first = vm;
    while (leader[first] !== first) first = leader[first] as number;
    return first;
  };
  for (const set of together) {
    for (const vm of set) {
      const [a, b] = [find(set[0] as number), find(vm)];
      leader[Math.max(a, b)] = Math.min(a, b);
    }
  }
  const numbers = new Map<number, number>();
  return leader.map((_, vm) => {
    const first = find(vm);
    if (!numbers.has(first)) numbers.set(first, numbers.size);
    return numbers.get(first) as number;
  });
}
