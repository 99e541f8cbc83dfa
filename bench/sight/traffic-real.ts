/**
 * Precision and recall of pruning on communication matrices of real MPI codes. Who is heavy is taken from the matrix
 * itself, without a threshold relative to the busiest pair: the fewest pairs that together carry HEAVY_SHARE of the
 * octets. The threshold has to find these from noisy samples of a second.
 *
 * The data is not part of the project. VNET_DATA names the folder that holds `mpi-cenat` (rank_a,rank_b,octets) and
 * `mpi-maplib` (square matrices, row = sender); what is absent is left out.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { seededRandom } from '../../core/index.js';
import { drive, type Flow, SyntheticFleet } from '../../vttif/index.js';
import { Absent, type Figure } from '../figure.js';
import { makeSight, NETWORK, vmName } from './traffic-workloads.js';

const HEAVY_SHARE = 0.95;
const THRESHOLDS = [0.01, 0.03, 0.1, 0.3];
const RUN_MS = 2600;
/** Rates are relative: the run time of most codes is not known. */
const BUSIEST_BITS_PER_SECOND = 1e8;
/** ARP, ssh and the like, to each rank from a random other. */
const NOISE_BITS_PER_SECOND = 3e4;
/** Larger matrices take the benchmark's time for little. */
const FILE_BYTES_MAX = 1_000_000;

interface Demand {
  a: number;
  b: number;
  octets: number;
}

export async function trafficRealFigures(): Promise<Figure[]> {
  const folder = process.env['VNET_DATA'];
  const sets = ['mpi-cenat', 'mpi-maplib'].map((name) =>
    folder === undefined ? undefined : join(folder, name),
  );
  const files = sets.flatMap((set) => (set !== undefined && existsSync(set) ? matricesIn(set) : []));
  if (files.length === 0)
    throw new Absent('no matrices: VNET_DATA names no folder with mpi-cenat or mpi-maplib');
  return THRESHOLDS.flatMap((threshold) => {
    const scores = files.map((file) => ({ file, ...score(readDemands(file), threshold) }));
    const worst = (of: 'precision' | 'recall') =>
      scores.toSorted((x, y) => x[of] - y[of]).map(({ file }) => basename(file, '.csv'))[0] ?? '';
    return (['precision', 'recall'] as const).map((of) => ({
      name: `${of} of pairs kept, threshold ${threshold}`,
      unit: '%',
      samples: scores.map((each) => each[of] * 100),
      beside: `${files.length} matrices, worst: ${worst(of)}`,
    }));
  });
}

function matricesIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.csv') && !name.endsWith('.count.csv'))
    .map((name) => join(folder, name))
    .filter((file) => readFileSync(file).length <= FILE_BYTES_MAX);
}

/** Both directions of a pair together; a rank with itself left out. Either format, told by its first line. */
function readDemands(file: string): Demand[] {
  const lines = readFileSync(file, 'utf8')
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '');
  const isList = lines[0]?.startsWith('rank_a') === true;
  const sums = new Map<string, Demand>();
  const add = (x: number, y: number, octets: number) => {
    if (x === y || !(octets > 0)) return;
    const [a, b] = [Math.min(x, y), Math.max(x, y)];
    const known = sums.get(`${a} ${b}`);
    if (known) known.octets += octets;
    else sums.set(`${a} ${b}`, { a, b, octets });
  };
  for (const [row, line] of lines.entries()) {
    const cells = line.split(',').map(Number);
    if (isList) add(cells[0] ?? 0, cells[1] ?? 0, cells[2] ?? 0);
    else for (const [column, octets] of cells.entries()) add(row, column, octets);
  }
  return [...sums.values()].sort((x, y) => y.octets - x.octets);
}

function score(demands: Demand[], threshold: number): { precision: number; recall: number } {
  const total = demands.reduce((sum, { octets }) => sum + octets, 0);
  const heavy = new Set<string>();
  let carried = 0;
  for (const { a, b, octets } of demands) {
    if (carried >= total * HEAVY_SHARE) break;
    carried += octets;
    heavy.add(key(vmName(a), vmName(b)));
  }
  const kept = infer(demands, threshold);
  const right = kept.filter((pair) => heavy.has(pair)).length;
  return { precision: kept.length === 0 ? 0 : right / kept.length, recall: right / heavy.size };
}

const key = (x: string, y: string): string => (x < y ? `${x} ${y}` : `${y} ${x}`);

function infer(demands: Demand[], threshold: number): string[] {
  const random = seededRandom(1);
  const busiest = demands[0]?.octets ?? 1;
  const ranks = 1 + demands.reduce((most, { b }) => Math.max(most, b), 0);
  const flows: Flow[] = demands.flatMap(({ a, b, octets }) => {
    const bitsPerSecond = (octets / busiest / 2) * BUSIEST_BITS_PER_SECOND;
    return [
      { from: a, to: b, bitsPerSecond },
      { from: b, to: a, bitsPerSecond },
    ];
  });
  for (let rank = 0; rank < ranks; rank++) {
    const to = Math.floor(random() * ranks);
    if (to !== rank) flows.push({ from: rank, to, bitsPerSecond: NOISE_BITS_PER_SECOND * random() });
  }
  const sight = makeSight({ detectionThreshold: threshold });
  const fleet = new SyntheticFleet({ hosts: 16, updateMs: sight.parameters.updateMs, random });
  fleet.flows = flows;
  drive(sight, fleet, 0, RUN_MS);
  return sight
    .topology(NETWORK, RUN_MS)
    .applications.flatMap(({ edges }) => edges.map(({ a, b }) => key(a, b)));
}
