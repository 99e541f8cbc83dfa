/**
 * Where the paper's BSP benchmark runs (9.3.3), rates scaled down so that two processors carry them. A fast host is
 * "dual": it has room and CPU for two VMs.
 */
import type { PathRule } from '../../lab/index.js';
import type { BedHost, BedVm, Scenario } from './scenario.js';

/** Of one processor of this machine, a VM on a fast host. */
const FAST_CPUS = 0.14;
const SLOW_CPUS = 0.06;
const LAN_BPS = 24e6;
const SLOW_LAN_BPS = 12e6;
const WAN_BPS = 5e6;
/** One way. The Proxy stands with the user, in the same city (the paper's MAN). */
const MAN_MS = 1;
const WAN_MS = 8;

const fast = (name: string): BedHost => ({ name, cpus: 2 * FAST_CPUS, room: 2, rateBps: LAN_BPS });
const slow = (name: string): BedHost => ({ name, cpus: SLOW_CPUS, room: 1, rateBps: SLOW_LAN_BPS });

const both = (a: string, b: string, path: Omit<PathRule, 'from' | 'to'>): PathRule[] => [
  { from: a, to: b, ...path },
  { from: b, to: a, ...path },
];

const vms = (hosts: readonly string[]): BedVm[] => hosts.map((host, i) => ({ name: `p${i}`, host }));

const numbered = (letter: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${letter}${i + 1}`);

/**
 * Figure 13: four VMs on a fast cluster, three on a slower one, one across the WAN, the Proxy in the city. `quick`:
 * two, one and one.
 */
export function clusters(quick = false): Scenario {
  const [fasts, slows, far] = [numbered('f', quick ? 2 : 4), numbered('s', quick ? 1 : 3), 'w1'];
  return {
    name: 'bsp13',
    hosts: [
      ...fasts.map(fast),
      ...slows.map(slow),
      { name: far, cpus: SLOW_CPUS, room: 1, rateBps: WAN_BPS },
    ],
    home: { rateBps: LAN_BPS },
    paths: [
      ...both('home', '*', { delayMs: MAN_MS }),
      ...both(far, '*', { delayMs: WAN_MS }),
      ...fasts.flatMap((a) => slows.flatMap((b) => both(a, b, { delayMs: MAN_MS }))),
    ],
    vms: vms([...fasts, ...slows, far]),
  };
}

/** Figure 14: eight VMs on one cluster, an outside load on one of its hosts, one host that nobody uses. */
export function cluster(name: string, load?: Scenario['load']): Scenario {
  const hosts = ['f1', 'f2', 'f3', 'f4', 'f5'];
  return {
    name,
    hosts: hosts.map(fast),
    home: { rateBps: LAN_BPS },
    paths: both('home', '*', { delayMs: MAN_MS }),
    vms: vms(['f1', 'f1', 'f2', 'f2', 'f3', 'f3', 'f4', 'f4']),
    ...(load ? { load } : {}),
  };
}

/** Of one thread each, as the VMs' own: a VM that computes gets a fifth of the host beside another one. */
export const OUTSIDE_LOAD = { host: 'f1', workers: 3 };
