/** For the tests: what VTTIF and Wren might show of the overlay in fake-overlay. */
import {
  type ApplicationView,
  DEFAULT_SIGHT,
  type Estimate,
  type LinkEstimate,
  type MacAddress,
  macFromNumber,
  type MatrixView,
  type PairTraffic,
  type PatternName,
  type TopologyView,
  type UnderlayView,
} from '../core/index.js';

const AT = '2026-01-02T03:04:05.678Z';
export const TWELVE_SECONDS_AGO = '2026-01-02T03:03:53.000Z';

export const fakeNames = (count: number): string[] => Array.from({ length: count }, (_, at) => `v${at + 1}`);

/** Edges by the places of their ends; each a little less busy than the one before. */
export function fakeApplication(
  vms: string[],
  edges: readonly (readonly [number, number])[],
  names: PatternName[],
): ApplicationView {
  return {
    vms,
    edges: edges.map(([a, b], at) => ({
      a: vms[a] ?? '',
      b: vms[b] ?? '',
      bitsPerSecond: 13_000_000 - at * 100_000,
      weight: 1 - at / 200,
    })),
    names,
    confidence: 0.97,
  };
}

export const pattern = (
  kind: PatternName['kind'],
  text: string,
  order: string[],
  dimensions?: number[],
): PatternName => ({ kind, text, order, ...(dimensions ? { dimensions } : {}) });

export function fakeRing(count: number): ApplicationView {
  const names = fakeNames(count);
  const edges = names.map((_, at) => [at, (at + 1) % count] as const);
  return fakeApplication(names, edges, [pattern('ring', `ring of ${count}`, names)]);
}

export function fakeTopology(
  applications: ApplicationView[],
  part: Partial<TopologyView> = {},
): TopologyView {
  return {
    at: AT,
    network: 'lab',
    parameters: DEFAULT_SIGHT,
    state: applications.length === 0 ? 'silent' : 'settled',
    since: TWELVE_SECONDS_AGO,
    serial: 3,
    applications,
    pairs: 20,
    pruned: 4,
    ...part,
  };
}

export function fakePair(
  from: string,
  to: string,
  bitsPerSecond: number,
  part: Partial<PairTraffic> = {},
): PairTraffic {
  const mac = (name: string): MacAddress =>
    macFromNumber(0x02_00_00_00_10_00 + Number(/\d+/.exec(name)?.[0] ?? 0));
  return {
    source: mac(from),
    destination: mac(to),
    from,
    to,
    bitsPerSecond,
    packetsPerSecond: bitsPerSecond / 8000,
    bytes: bitsPerSecond,
    packets: bitsPerSecond / 8000,
    ...part,
  };
}

export const fakeMatrix = (pairs: PairTraffic[], pairsTotal = pairs.length): MatrixView => ({
  at: AT,
  network: 'lab',
  parameters: DEFAULT_SIGHT,
  pairs,
  pairsTotal,
});

export const estimate = (value: number, part: Partial<Estimate> = {}): Estimate => ({
  value,
  ageMs: 800,
  method: 'traffic',
  confidence: 0.9,
  ...part,
});

export const linkEstimate = (from: string, to: string, part: Partial<LinkEstimate> = {}): LinkEstimate => ({
  link: [from, to].sort().join('-'),
  from,
  to,
  type: 'udp',
  throughputBitsPerSecond: estimate(2_000_000),
  ...part,
});

/** Paths of these links; every other pair of hosts has none. */
export const fakeUnderlay = (links: LinkEstimate[], part: Partial<UnderlayView> = {}): UnderlayView => ({
  at: AT,
  hosts: ['home', 'a', 'b', 'c'],
  paths: links.map((link) => ({ from: link.from, to: link.to, link })),
  bottlenecks: [],
  notes: [],
  ...part,
});
