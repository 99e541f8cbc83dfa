/** From the first exchange of another pattern among real VMs to the declaration of its topology (Virtuoso 4.2). */
import { type ControlClient, DEFAULT_SIGHT } from '../../core/index.js';
import { emptySpec, type LabSpec, OverlayLab, startPatterns } from '../../lab/index.js';
import type { Figure } from '../figure.js';

const VMS = 8;
const ROUNDS = 6;
/** Best settings: the shortest that still name every pattern here. */
const BEST = { updateMs: 40, smoothingMs: 160 };
const PAPER_SECONDS = 1;
const BAR_SECONDS = 0.3;
const POLL_MS = 4;
const TIMEOUT_MS = 10_000;
const SHAPES = [
  ['ring', 'ring'],
  ['torus:2x2x2', 'hypercube'],
  ['all-to-all', 'all-to-all'],
  ['bus', 'bus'],
] as const;

function spec(): LabSpec {
  const lab = emptySpec();
  const hosts = ['a', 'b', 'c', 'd'];
  lab.hosts.push({ name: 'home' }, ...hosts.map((name) => ({ name })));
  for (let i = 0; i < VMS; i++) {
    const mac = `02:00:00:00:70:0${i}`;
    lab.vms.push({ name: `p${i}`, host: hosts[i % hosts.length] ?? 'a', mac, ips: [`10.9.0.${i + 10}/24`] });
  }
  return lab;
}

export async function reactionFigures(): Promise<Figure[]> {
  const overlay = await OverlayLab.make(spec(), { name: 'reaction' });
  try {
    await overlay.client().apply({ kind: 'target', topology: overlay.topology() });
    await overlay.whole();
    const samples = [];
    for (const parameters of [BEST, DEFAULT_SIGHT]) samples.push(await reactions(overlay, parameters));
    const [best = [], usual = []] = samples;
    const text = ({ updateMs, smoothingMs }: { updateMs: number; smoothingMs: number }) =>
      `updates each ${updateMs} ms, window ${smoothingMs} ms`;
    return [
      {
        name: `reaction to a new topology, ${text(BEST)}`,
        unit: 's',
        samples: best,
        beside: `bar ${BAR_SECONDS} s, the paper ${PAPER_SECONDS} s`,
        met: best.every((sample) => sample <= BAR_SECONDS),
      },
      { name: `the same, ${text(DEFAULT_SIGHT)}`, unit: 's', samples: usual, beside: 'as it comes' },
    ];
  } finally {
    await overlay.close();
  }
}

async function reactions(
  overlay: OverlayLab,
  { updateMs, smoothingMs }: { updateMs: number; smoothingMs: number },
): Promise<number[]> {
  const client = overlay.client();
  await client.setSight({ updateMs, smoothingMs, derived: false });
  // What changed just before, while changes could be followed faster, is no part of this.
  await pause(2 * (smoothingMs + 2 * updateMs));
  const samples: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const [shape, kind] = SHAPES[round % SHAPES.length] ?? SHAPES[0];
    let firstMs = Number.NaN;
    await using run = await startPatterns(overlay.lab, {
      shape,
      messageBytes: 2000,
      pauseUs: 5000,
      reportMs: 10,
      onReport: ({ unixMs, seconds }) => {
        if (Number.isNaN(firstMs)) firstMs = unixMs - seconds * 1000;
      },
    });
    const declaredMs = await declared(client, kind);
    samples.push((declaredMs - firstMs) / 1000);
    await run.stop();
    await silence(client);
  }
  return samples;
}

/** When it was declared, by the clock of all here. */
async function declared(client: ControlClient, kind: string): Promise<number> {
  return until(`a ${kind}`, async () => {
    const { state, since, applications } = await client.inferredTopology();
    const named = applications.some(({ names }) => names.some((name) => name.kind === kind));
    return state === 'settled' && named ? Date.parse(since) : undefined;
  });
}

function silence(client: ControlClient): Promise<true> {
  return until('silence', async () =>
    (await client.inferredTopology()).state === 'silent' ? true : undefined,
  );
}

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + TIMEOUT_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`waited ${TIMEOUT_MS / 1000} s for ${what}`);
    await pause(POLL_MS);
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
