/** What the Proxy's half of VTTIF costs at the size it is built for, in simulated time: CPU a second, and memory. */
import {
  DEFAULT_SIGHT,
  decodeTrafficUpdate,
  encodeTrafficUpdate,
  type Random,
  seededRandom,
  type TrafficUpdate,
} from '../../core/index.js';
import { syntheticAddress, TrafficSight } from '../../vttif/index.js';
import type { Figure } from '../figure.js';

const VMS = 1000;
const PEERS = 100;
const HOSTS = 50;
const UPDATE_MS = 100;
const WARM_UP_MS = 2000;
const MEASURED_MS = 5000;
const CORE_BAR = 1;
const RESIDENT_BAR_MB = 500;
const NETWORK = 1;

export async function trafficScaleFigures(): Promise<Figure[]> {
  const { cpu, encodeCpu, slowestTickMs, residentMb, pairs } = runScale();
  return [
    {
      name: `decode, matrix, inference, history: ${VMS} VMs, ${pairs} live pairs, 10 updates/s`,
      unit: '% of a core',
      samples: [cpu * 100],
      beside: 'bar 100%',
      met: cpu <= CORE_BAR,
    },
    {
      name: 'resident, the generator of the load included',
      unit: 'MB',
      samples: [residentMb],
      beside: `bar ${RESIDENT_BAR_MB} MB`,
      met: residentMb <= RESIDENT_BAR_MB,
    },
    { name: 'slowest tick', unit: 'ms', samples: [slowestTickMs], beside: 'holds up the event loop' },
    {
      name: 'encoding at all daemons together',
      unit: '% of a core',
      samples: [encodeCpu * 100],
      beside: `shared by ${HOSTS} hosts`,
    },
    decodeFigure(),
  ];
}

interface ScaleRun {
  /** Seconds of CPU a second. */
  cpu: number;
  encodeCpu: number;
  slowestTickMs: number;
  residentMb: number;
  pairs: number;
}

function runScale(): ScaleRun {
  const random = seededRandom(1);
  const hosts = Array.from({ length: HOSTS }, (_, host) => new LoadHost(host, random));
  const sight = new TrafficSight({
    parameters: { ...DEFAULT_SIGHT, updateMs: UPDATE_MS, smoothingMs: 1000 },
    networkName: () => 'lab',
    vmName: (_, mac) => `vm${mac}`,
  });
  const spent = { aggregate: 0, encode: 0, slowestTickMs: 0 };
  for (let nowMs = 0; nowMs < WARM_UP_MS + MEASURED_MS; nowMs += UPDATE_MS / HOSTS) {
    const measured = nowMs >= WARM_UP_MS;
    const host = hosts[Math.round((nowMs / UPDATE_MS) * HOSTS) % HOSTS];
    if (!host) continue;
    const beginMs = cpuMs();
    const message = host.report(nowMs);
    const encodedMs = cpuMs();
    const tickBeginMs = performance.now();
    sight.report(host.name, message, nowMs);
    sight.tick(nowMs);
    if (!measured) continue;
    spent.slowestTickMs = Math.max(spent.slowestTickMs, performance.now() - tickBeginMs);
    spent.encode += encodedMs - beginMs;
    spent.aggregate += cpuMs() - encodedMs;
  }
  return {
    cpu: spent.aggregate / MEASURED_MS,
    encodeCpu: spent.encode / MEASURED_MS,
    slowestTickMs: spent.slowestTickMs,
    residentMb: process.memoryUsage().rss / 1e6,
    pairs: sight.matrix(NETWORK, WARM_UP_MS + MEASURED_MS).pairsTotal,
  };
}

/** A daemon whose VMs talk to peers all over the overlay, all of them all the time: no column is ever short. */
class LoadHost {
  readonly name: string;
  readonly #update: TrafficUpdate;
  readonly #random: Random;

  constructor(number: number, random: Random) {
    this.name = `h${number}`;
    this.#random = random;
    const vms = VMS / HOSTS;
    const rows = vms * PEERS;
    const index = Uint32Array.from({ length: rows }, (_, row) => row);
    const source = (row: number) => number * vms + Math.floor(row / PEERS);
    this.#update = {
      boot: number,
      sequence: 0,
      atMs: 0,
      full: true,
      pairs: {
        rows,
        index,
        network: new Uint32Array(rows).fill(NETWORK),
        source: Float64Array.from(index, (row) => syntheticAddress(source(row))),
        // The next PEERS VMs, so that pairs differ and every VM has as many.
        destination: Float64Array.from(index, (row) =>
          syntheticAddress((source(row) + 1 + (row % PEERS)) % VMS),
        ),
      },
      counts: { rows, index, frames: new Float64Array(rows), bytes: new Float64Array(rows) },
    };
  }

  report(nowMs: number): Uint8Array {
    const { counts } = this.#update;
    for (let row = 0; row < counts.rows; row++) {
      const frames = 1 + Math.floor(this.#random() * 20);
      counts.frames[row] = (counts.frames[row] ?? 0) + frames;
      counts.bytes[row] = (counts.bytes[row] ?? 0) + frames * 1000;
    }
    this.#update.sequence++;
    this.#update.atMs = nowMs;
    const full = this.#update.sequence === 1;
    return encodeTrafficUpdate({ ...this.#update, full, pairs: full ? this.#update.pairs : NO_PAIRS });
  }
}

const NO_PAIRS: TrafficUpdate['pairs'] = {
  rows: 0,
  index: new Uint32Array(0),
  network: new Uint32Array(0),
  source: new Float64Array(0),
  destination: new Float64Array(0),
};

function decodeFigure(): Figure {
  const rows = 100_000;
  const index = Uint32Array.from({ length: rows }, (_, row) => row);
  const message = encodeTrafficUpdate({
    boot: 1,
    sequence: 1,
    atMs: 0,
    full: false,
    pairs: NO_PAIRS,
    counts: {
      rows,
      index,
      frames: Float64Array.from(index, (row) => row * 7),
      bytes: Float64Array.from(index, (row) => row * 7000 + 2 ** 33),
    },
  });
  const rounds = 50;
  const beginMs = cpuMs();
  for (let round = 0; round < rounds; round++) decodeTrafficUpdate(message);
  const nsPerRow = ((cpuMs() - beginMs) * 1e6) / (rounds * rows);
  return {
    name: 'decoding a million rows a second',
    unit: '% of a core',
    samples: [nsPerRow / 10],
    beside: `${(message.length / rows).toFixed(1)} octets a row, wide counters`,
  };
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
