/** Who talks with whom: the patterns of parallel and tiered applications, with demands that spread as measured ones do. */
import type { Random } from '../../core/index.js';
import type { FlowDemand } from '../model/problem.js';
import { logNormal, shuffled } from './draw.js';

export const PATTERNS = ['all-to-all', 'ring', 'mesh', 'tree', 'star', 'bipartite'] as const;
export type CommunicationPattern = (typeof PATTERNS)[number];

/** Of a pair's demand, natural logarithm: the middle two thirds lie within a factor of 2 of the median. */
const DEMAND_SPREAD = 0.7;

/** Pairs of VMs, each once. `mesh` is a grid as square as can be, `tree` a binary one, `bipartite` two halves. */
export function patternPairs(pattern: CommunicationPattern, vms: number): [number, number][] {
  const width = Math.ceil(Math.sqrt(vms));
  const pairs: [number, number][] = [];
  const join = (a: number, b: number) => {
    if (a !== b && a < vms && b < vms) pairs.push([a, b]);
  };
  for (let i = 0; i < vms; i++) {
    switch (pattern) {
      case 'all-to-all':
        for (let j = i + 1; j < vms; j++) join(i, j);
        break;
      case 'ring':
        if (vms > 2 || i === 0) join(i, (i + 1) % vms);
        break;
      case 'mesh':
        if ((i + 1) % width !== 0) join(i, i + 1);
        join(i, i + width);
        break;
      case 'tree':
        if (i > 0) join(Math.floor((i - 1) / 2), i);
        break;
      case 'star':
        join(0, i);
        break;
      case 'bipartite':
        for (let j = Math.ceil(vms / 2); j < vms && i < Math.ceil(vms / 2); j++) join(i, j);
        break;
    }
  }
  return pairs;
}

/**
 * Both directions of the pattern's pairs, log-normal about the median; where there are more than `flows`, that many of
 * them at random, in the pattern's order.
 */
export function communication(
  pattern: CommunicationPattern,
  vms: readonly string[],
  flows: number,
  medianBitsPerSecond: number,
  random: Random,
): FlowDemand[] {
  const directed = patternPairs(pattern, vms.length).flatMap(([a, b]) => [
    [a, b],
    [b, a],
  ]);
  const chosen = new Set(shuffled([...directed.keys()], random).slice(0, flows));
  return directed.flatMap(([from = 0, to = 0], i) => {
    if (!chosen.has(i)) return [];
    const bitsPerSecond = Math.round(logNormal(random, medianBitsPerSecond, DEMAND_SPREAD));
    return [{ from: vms[from] as string, to: vms[to] as string, bitsPerSecond }];
  });
}
