/** What seeing costs: at full load with VTTIF and Wren on against off, in interleaved pairs; and counting alone. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { DEFAULT_SIGHT, type SightParameters } from '../../core/index.js';
import { emptySpec, type LabSpec, OverlayLab } from '../../lab/index.js';
import { type Figure, median } from '../figure.js';
import { transfer } from '../iperf.js';

const run = promisify(execFile);
const SOURCE = fileURLToPath(new URL('../../../bench/sight/pair_counters.cpp', import.meta.url));
const NATIVE = fileURLToPath(new URL('../../../native/src/', import.meta.url));

const ROUNDS = 8;
const SECONDS = 3;
const SETTLE_MS = 1000;
/** The paper's bar, and what the project aims at. */
const SHARE_MAX = 0.01;
/** Rate-limited, so that the CPU of on and off is for the same work. */
const LOAD_BITS_PER_SECOND = 2e9;
const CLOCK_TICKS_PER_SECOND = 100;
/** A report a minute and nothing sent to measure: as good as off, and settable while it runs. */
const OFF: Partial<SightParameters> = {
  updateMs: 60_000,
  smoothingMs: 60_000,
  probeShare: 0,
  derived: false,
};
const ON: Partial<SightParameters> = DEFAULT_SIGHT;

const VM = (n: number) => ({ name: `v${n}`, mac: `02:00:00:00:00:0${n}`, ips: [`10.9.0.${n}/24`] });

function spec(): LabSpec {
  const lab = emptySpec();
  lab.hosts.push({ name: 'home' }, { name: 'a' }, { name: 'b' });
  lab.vms.push({ ...VM(1), host: 'a' }, { ...VM(2), host: 'b' });
  return lab;
}

export async function costFigures(): Promise<Figure[]> {
  return [...(await loadFigures()), ...(await countingFigures())];
}

async function loadFigures(): Promise<Figure[]> {
  const overlay = await OverlayLab.make(spec(), { name: 'cost' });
  try {
    const topology = overlay.topology({
      links: [{ type: 'udp', a: 'a', b: 'b' }],
      routes: [{ network: 'lab', from: 'v1', to: 'v2', both: true, via: ['a', 'b'] }],
    });
    await overlay.client().apply({ kind: 'target', topology });
    await overlay.whole();
    await overlay.until('the direct link', async () =>
      (await overlay.client('a').local()).links.some((link) => link.peer === 'b' && link.up),
    );
    const drops: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const [on, off] = await inTurn(overlay, round, () => throughput(overlay));
      drops.push((1 - on / off) * 100);
    }
    const shares: Record<string, number[]> = { a: [], home: [] };
    for (let round = 0; round < ROUNDS / 2; round++) {
      const [on, off] = await inTurn(overlay, round, () => cpuShares(overlay));
      for (const host of ['a', 'home']) shares[host]?.push(((on[host] ?? 0) - (off[host] ?? 0)) * 100);
    }
    const bar = `bar ${SHARE_MAX * 100}% (the paper: 1%)`;
    return [
      figure('throughput lost to VTTIF and Wren, on against off', drops, bar),
      figure("host daemon's CPU for it at 2 Gbit/s, of one core", shares['a'] ?? [], bar),
      figure("Proxy's CPU for it", shares['home'] ?? [], bar),
    ];
  } finally {
    await overlay.close();
  }
}

const figure = (name: string, samples: number[], beside: string): Figure => ({
  name,
  unit: '%',
  samples,
  beside,
  met: median(samples) <= SHARE_MAX * 100,
});

/** On and off after each other; which comes first changes from round to round. */
async function inTurn<T>(
  overlay: OverlayLab,
  round: number,
  measure: () => Promise<T>,
): Promise<[on: T, off: T]> {
  const as = async (parameters: Partial<SightParameters>) => {
    await overlay.client().setSight(parameters);
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    return measure();
  };
  if (round % 2 === 0) {
    const on = await as(ON);
    return [on, await as(OFF)];
  }
  const off = await as(OFF);
  return [await as(ON), off];
}

function throughput(overlay: OverlayLab): Promise<number> {
  return transfer(overlay.lab, { from: 'v1', to: 'v2', address: '10.9.0.2', seconds: SECONDS });
}

/** Of one core, by host, while the load runs. */
async function cpuShares(overlay: OverlayLab): Promise<Record<string, number>> {
  const server = overlay.lab.vm('v2').spawn(['iperf3', '-s', '-1'], { stdio: 'ignore' });
  await new Promise((resolve) => setTimeout(resolve, 300));
  const rate = String(LOAD_BITS_PER_SECOND);
  const load = overlay.lab
    .vm('v1')
    .run(['iperf3', '-b', rate, '-C', 'cubic', '-t', String(SECONDS + 1), '-c', '10.9.0.2']);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const hosts = ['a', 'home'];
  const before = hosts.map((host) => cpuSeconds(overlay.pid(host)));
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
  const used = hosts.map((host, i) => (cpuSeconds(overlay.pid(host)) - (before[i] ?? 0)) / SECONDS);
  await load;
  server.kill('SIGTERM');
  return Object.fromEntries(hosts.map((host, i) => [host, used[i] ?? 0]));
}

/** User and system time so far (proc(5), fields 14 and 15). */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
}

/** The data plane's counting alone, a frame. */
async function countingFigures(): Promise<Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), 'vnet-bench-counters-'));
  try {
    const program = join(directory, 'pair_counters');
    const sources = [SOURCE, ...['counters.cpp', 'sys.cpp'].map((file) => join(NATIVE, file))];
    await run(process.env['CXX'] ?? 'g++', ['-std=c++20', '-O2', '-o', program, ...sources]);
    const figures: Figure[] = [];
    for (const pairs of [64, 4096]) {
      const samples: number[] = [];
      for (let round = 0; round < 5; round++)
        samples.push(Number((await run(program, [String(pairs)])).stdout));
      figures.push({
        name: `counting a frame, ${pairs} pairs`,
        unit: 'ns',
        samples,
        beside: 'a frame at 10 Gbit/s: 1,200 ns',
      });
    }
    return figures;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
