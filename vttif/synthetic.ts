/**
 * Made-up traffic with a known truth: applications of a shape, the noise of a real network, and daemons that count and
 * report it. For simulations, measurements of accuracy, and tests. Seeded: the same random source gives the same bits.
 */
import { encodeTrafficUpdate, type PatternKind, type Random } from '../core/index.js';
import { patternEdges } from './patterns/index.js';

/** One direction. Group addresses have names of their own: `ff:ff:ff:ff:ff:ff` is nobody's VM. */
export interface Flow {
  from: number;
  to: number;
  bitsPerSecond: number;
}

const between = (random: Random, least: number, most: number): number => least + (most - least) * random();
const logBetween = (random: Random, least: number, most: number): number =>
  Math.exp(between(random, Math.log(least), Math.log(most)));

/**
 * Both directions of every edge of a pattern over `vms`, in the pattern's order. Edges differ by up to a factor of three
 * from each other, the directions of one by up to four; behind the first tier of a multi-tier application, each tier
 * has half the traffic an edge.
 */
export function patternFlows(
  pattern: { kind: PatternKind; dimensions?: number[] },
  vms: readonly number[],
  bitsPerSecond: number,
  random: Random,
): Flow[] {
  const tierOf = (place: number): number => {
    let [tier, end] = [0, pattern.dimensions?.[0] ?? 0];
    while (place >= end && tier < (pattern.dimensions?.length ?? 1)) end += pattern.dimensions?.[++tier] ?? 0;
    return tier;
  };
  return patternEdges(pattern.kind, vms.length, pattern.dimensions).flatMap(([i, j]) => {
    const tier = pattern.kind === 'multi-tier' ? tierOf(Math.min(i, j)) : 0;
    // Within a tier edges are alike, or the tiers could not be told apart.
    const spread = pattern.kind === 'multi-tier' ? between(random, 0.8, 1.2) : between(random, 0.5, 1.5);
    const both = (bitsPerSecond * spread) / 2 ** tier;
    const there = between(random, 0.2, 0.8);
    const [from, to] = [vms[i] ?? 0, vms[j] ?? 0];
    return [
      { from, to, bitsPerSecond: both * there },
      { from: to, to: from, bitsPerSecond: both * (1 - there) },
    ];
  });
}

export interface NoiseOptions {
  /** Those that exist, busy or idle. */
  vms: readonly number[];
  /** A machine that an administrator sits at, and a server that all backups go to; members of `vms` or not. */
  admin: number;
  backupServer: number;
  /** What an edge of the busiest application carries. */
  applicationBitsPerSecond: number;
}

/** ARP, DHCP, monitoring, ssh, and one VM's backup that is 3 to 30 times louder than the application. */
export function noiseFlows(options: NoiseOptions, random: Random): Flow[] {
  const { vms, admin, backupServer } = options;
  const pick = () => vms[Math.floor(random() * vms.length)] ?? 0;
  const flows: Flow[] = [];
  const both = (a: number, b: number, bitsPerSecond: number) => {
    if (a === b) return;
    flows.push(
      { from: a, to: b, bitsPerSecond },
      { from: b, to: a, bitsPerSecond: bitsPerSecond * random() },
    );
  };
  for (const vm of vms) {
    flows.push({ from: vm, to: BROADCAST_VM, bitsPerSecond: logBetween(random, 100, 5000) });
    both(vm, pick(), logBetween(random, 20, 500));
    if (random() < 0.5) both(vm, admin, logBetween(random, 2000, 60_000));
    both(vm, vms[0] ?? 0, logBetween(random, 500, 20_000));
  }
  both(pick(), backupServer, options.applicationBitsPerSecond * logBetween(random, 3, 30));
  return flows;
}

/** Stands for the broadcast address. */
const BROADCAST_VM = -1;
const BROADCAST_ADDRESS = 2 ** 48 - 1;
const FRAME_BYTES = 1000;
/** Locally administered, so that VM 0 has an address that could be. */
const ADDRESS_BASE = 0x02_00_00_00_00_00;

export const syntheticAddress = (vm: number): number =>
  vm === BROADCAST_VM ? BROADCAST_ADDRESS : ADDRESS_BASE + vm;

interface Host {
  name: string;
  boot: number;
  sequence: number;
  /** Its clock minus the fleet's, milliseconds. */
  clockMs: number;
  /** When in an update period it reports. */
  phaseMs: number;
  dictionary: Map<string, number>;
  bytes: number[];
  frames: number[];
  countedMs: number;
  /** Since its last report: pairs that are new to the dictionary, and indices that counted. */
  added: [index: number, source: number, destination: number][];
  changed: Set<number>;
}

export interface Report {
  host: string;
  message: Uint8Array;
}

/**
 * Daemons that count flows where they enter and report once a period, each at a moment of its own and by a clock of its
 * own. VM v lives on host v modulo hosts. Octets vary by `burst` from period to period (0: as even as octets can be).
 */
export class SyntheticFleet {
  /** What is said from the next `reports` on; what was said until then is counted to that moment. */
  flows: Flow[] = [];
  #said: Flow[] = [];
  readonly #hosts: Host[];
  readonly #updateMs: number;
  readonly #burst: number;
  readonly #random: Random;
  readonly #network: number;

  constructor(options: {
    hosts: number;
    updateMs: number;
    random: Random;
    network?: number;
    burst?: number;
  }) {
    this.#updateMs = options.updateMs;
    this.#random = options.random;
    this.#network = options.network ?? 1;
    this.#burst = options.burst ?? 0.3;
    this.#hosts = Array.from({ length: options.hosts }, (_, i) => ({
      name: `h${i}`,
      boot: Math.floor(options.random() * 2 ** 32),
      sequence: 0,
      clockMs: between(options.random, -1e6, 1e6),
      phaseMs: options.random() * options.updateMs,
      dictionary: new Map(),
      bytes: [],
      frames: [],
      countedMs: Number.NEGATIVE_INFINITY,
      added: [],
      changed: new Set(),
    }));
  }

  /** Reports that fall due after `fromMs` and up to `toMs`, in order; called for one stretch of time after another. */
  reports(fromMs: number, toMs: number): (Report & { atMs: number })[] {
    for (const [number, host] of this.#hosts.entries()) this.#count(host, number, fromMs);
    this.#said = this.flows;
    const due = this.#hosts.flatMap((host, i) => {
      const first = Math.floor((fromMs - host.phaseMs) / this.#updateMs) + 1;
      const last = Math.floor((toMs - host.phaseMs) / this.#updateMs);
      return Array.from({ length: Math.max(0, last - first + 1) }, (_, n) => ({
        host: i,
        atMs: (first + n) * this.#updateMs + host.phaseMs,
      }));
    });
    return due
      .sort((x, y) => x.atMs - y.atMs)
      .map(({ host, atMs }) => {
        const reporter = this.#hosts[host] as Host;
        this.#count(reporter, host, atMs);
        return { atMs, host: reporter.name, message: this.#report(reporter, atMs) };
      });
  }

  /** What enters at the host up to `atMs`. */
  #count(host: Host, number: number, atMs: number): void {
    const tookMs = Number.isFinite(host.countedMs) ? atMs - host.countedMs : 0;
    host.countedMs = atMs;
    for (const { from, to, bitsPerSecond } of this.#said) {
      if (from % this.#hosts.length !== number) continue;
      const key = `${from} ${to}`;
      let index = host.dictionary.get(key);
      if (index === undefined) {
        index = host.dictionary.size;
        host.dictionary.set(key, index);
        host.added.push([index, syntheticAddress(from), syntheticAddress(to)]);
        host.bytes.push(0);
        host.frames.push(0);
      }
      const swing = 1 + this.#burst * (2 * this.#random() - 1);
      const bytes = Math.round((bitsPerSecond * tookMs * swing) / 8000);
      host.bytes[index] = (host.bytes[index] ?? 0) + bytes;
      host.frames[index] = (host.frames[index] ?? 0) + Math.ceil(bytes / FRAME_BYTES);
      host.changed.add(index);
    }
  }

  #report(host: Host, atMs: number): Uint8Array {
    const { added } = host;
    const rows = Uint32Array.from(host.changed).sort();
    host.added = [];
    host.changed = new Set();
    host.sequence++;
    return encodeTrafficUpdate({
      boot: host.boot,
      sequence: host.sequence,
      atMs: atMs + host.clockMs,
      full: host.sequence === 1,
      pairs: {
        rows: added.length,
        index: Uint32Array.from(added, ([index]) => index),
        network: new Uint32Array(added.length).fill(this.#network),
        source: Float64Array.from(added, ([, source]) => source),
        destination: Float64Array.from(added, ([, , destination]) => destination),
      },
      counts: {
        rows: rows.length,
        index: rows,
        frames: Float64Array.from(rows, (index) => host.frames[index] ?? 0),
        bytes: Float64Array.from(rows, (index) => host.bytes[index] ?? 0),
      },
    });
  }
}
