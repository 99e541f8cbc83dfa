/** From what was seen to what is wrong: pure, so that each kind of trouble has a row in the tests. */
import { bitRate } from '../format.js';
import { endTrouble } from './end-trouble.js';
import { type Finding, hopName, TROUBLE_WEIGHT } from './finding.js';
import { hopTrouble } from './hop-trouble.js';
import { hostTrouble } from './host-trouble.js';
import type { Hop, PairObservation } from './observation.js';
import { pathTrouble } from './path-trouble.js';
import { trusted } from './trust.js';

export interface Diagnosis {
  /** False: nothing found that makes the way fail or slow. */
  trouble: boolean;
  /** The one thing to look at first: the heaviest finding, or without trouble the narrowest hop. */
  bottleneck: Pick<Finding, 'where' | 'text' | 'evidence' | 'next'> &
    Partial<Pick<Finding, 'kind' | 'weight'>>;
  /** Heaviest first, the bottleneck among them where it is one. */
  findings: Finding[];
}

export function diagnose(seen: PairObservation): Diagnosis {
  const findings = onceEach([
    ...endTrouble(seen),
    ...pathTrouble(seen),
    ...hopTrouble(seen),
    ...hostTrouble(seen),
  ]).sort((a, b) => b.weight - a.weight || a.where.localeCompare(b.where));
  const [heaviest] = findings;
  const trouble = heaviest !== undefined && heaviest.weight >= TROUBLE_WEIGHT;
  return { trouble, bottleneck: trouble ? heaviest : narrowest(seen), findings };
}

/** The same trouble at the same place, seen on the way there and back, is one. */
function onceEach(findings: Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ kind, where }) => {
    const key = `${kind} ${where}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** The hop with the least room, then the least capacity: what would limit first. */
function narrowest({ hops, from, to, hosts }: PairObservation): Diagnosis['bottleneck'] {
  const next = `vnet perf ${from.text} ${to.text}`;
  const hop = leastRoom(hops);
  if (hop) {
    const free = hop.estimate?.availableBitsPerSecond;
    const words = trusted(free) === undefined ? 'of capacity' : free?.atLeast ? 'free at least' : 'free';
    return {
      where: hopName(hop),
      text: `the narrowest hop is ${hop.from} to ${hop.to}: ${bitRate(roomOf(hop) ?? 0)} ${words}`,
      next,
    };
  }
  const [only] = hosts;
  if (hops.length === 0)
    return {
      where: only?.host ?? from.text,
      text: `both are on ${only?.host ?? 'one host'}: no link is crossed, what limits is that host`,
      next,
    };
  return {
    where: hops[0] ? hopName(hops[0]) : from.text,
    text: 'no hop has an estimate yet: traffic, or a little patience, brings them',
    next: 'vnet net',
  };
}

const roomOf = (hop: Hop): number | undefined =>
  trusted(hop.estimate?.availableBitsPerSecond) ?? trusted(hop.estimate?.capacityBitsPerSecond);

/** Of the hops whose room is known; one of which only a bound is known comes after all others. */
export function leastRoom(hops: readonly Hop[]): Hop | undefined {
  const isBound = (hop: Hop): number => Number(hop.estimate?.availableBitsPerSecond?.atLeast === true);
  return hops
    .filter((hop) => roomOf(hop) !== undefined)
    .sort((a, b) => isBound(a) - isBound(b) || (roomOf(a) ?? 0) - (roomOf(b) ?? 0))[0];
}
