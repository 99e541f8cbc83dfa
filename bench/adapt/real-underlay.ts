/**
 * Scenarios cut from measured inter-cloud throughput (cloud-throughput, named by VNET_DATA): some regions, the paths
 * among them with their rates scaled to what this machine carries and their ratios kept. The data is not part of the
 * project.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from '../../core/index.js';
import type { PathRule } from '../../lab/index.js';
import { cloudNetwork, type EdgeCapacity, someHosts } from '../../vadapt/index.js';
import { Absent } from '../figure.js';
import { PROXY } from './bed.js';
import type { Scenario } from './scenario.js';

const FILE = join('cloud-throughput', 'results_202202.csv');
/** Hosts, and VMs on them. */
const SIZE = { regions: 6, vms: 5 };
const QUICK_SIZE = { regions: 4, vms: 3 };
/** Of the pairs among the regions, so many were measured: what was not is cut in the lab. */
const MEASURED_MIN = 0.9;
const DRAWS_MAX = 10_000;
/** The fastest path of a scenario becomes this fast, the others in proportion. */
const FASTEST_BPS = 60e6;
/** Slower ones would take Wren a minute each to know, and tell no more. */
const SLOWEST_BPS = 4e6;
/** Rates are some hundredth of the real ones: so TCP finds its window as soon as it would there. */
const DELAY_DIVISOR = 10;
const HOST_CPUS = 0.3;

export interface RealScenario {
  scenario: Scenario;
  /** Host to region. */
  regions: Record<string, string>;
}

/** Throws Absent without the data. */
export function realScenario(seed: number, quick = false): RealScenario {
  const { regions, vms } = quick ? QUICK_SIZE : SIZE;
  const file = join(process.env['VNET_DATA'] ?? '', FILE);
  if (process.env['VNET_DATA'] === undefined || !existsSync(file))
    throw new Absent(`no measured underlay: VNET_DATA names no folder with ${FILE}`);
  const network = cloudNetwork(readFileSync(file, 'utf8'), file);
  const random = seededRandom(seed);
  for (let draw = 0; draw < DRAWS_MAX; draw++) {
    const { hosts, edges } = someHosts(network, regions, random);
    if (edges.length >= MEASURED_MIN * regions * (regions - 1))
      return scaled(
        { seed, vms },
        hosts.map(({ name }) => name),
        edges,
      );
  }
  throw new Absent(`${file}: no ${regions} regions with ${MEASURED_MIN * 100}% of their pairs measured`);
}

function scaled(
  { seed, vms }: { seed: number; vms: number },
  regions: readonly string[],
  edges: readonly EdgeCapacity[],
): RealScenario {
  const host = (region: string) => `r${regions.indexOf(region)}`;
  const scale = FASTEST_BPS / Math.max(...edges.map(({ bitsPerSecond }) => bitsPerSecond));
  const known = new Map(edges.map((edge) => [`${edge.from} ${edge.to}`, edge]));
  const paths = regions.flatMap((from) =>
    regions
      .filter((to) => to !== from)
      .map((to): PathRule => {
        const edge = known.get(`${from} ${to}`);
        if (!edge) return { from: host(from), to: host(to), up: false };
        const rateBps = Math.round(Math.max(SLOWEST_BPS, edge.bitsPerSecond * scale));
        const delayMs = Math.round(edge.latencyUs / DELAY_DIVISOR) / 1000;
        return { from: host(from), to: host(to), rateBps, delayMs };
      }),
  );
  return {
    scenario: {
      name: `real${seed % 1000}`,
      star: 'udp',
      hosts: regions.map((region) => ({ name: host(region), cpus: HOST_CPUS, room: 1 })),
      // The user's own connection: slower than what lies between clouds.
      home: { rateBps: FASTEST_BPS / 3 },
      paths: [{ from: PROXY, to: '*', delayMs: 2 }, { from: '*', to: PROXY, delayMs: 2 }, ...paths],
      vms: Array.from({ length: vms }, (_, i) => ({ name: `v${i}`, host: `r${i}` })),
    },
    regions: Object.fromEntries(regions.map((region) => [host(region), region])),
  };
}
