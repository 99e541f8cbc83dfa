/**
 * VMs that move: how long, how long silent, what is lost. Beside each, in the same run, the same VM moved by the same driver
 * between two hosts on a plain kernel bridge: the difference is what the overlay adds.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { needGuest } from '../../lab/index.js';
import { type Figure, median } from '../figure.js';
import { type Bed, type Kind, type Measured, meteredGuest, typeOnce, VM, withMeter } from './bed.js';
import { buildMeter, type Watch } from './meter.js';
import { OverlayBed } from './overlay-bed.js';
import { PlainBed } from './plain-bed.js';

/** Moves of each kind, there and back in turn; the first of a bed warms up and is not counted. */
const MOVES: Record<Kind, number> = { 'light VM': 8, 'QEMU guest': 6 };
const LOADS = ['idle', 'links loaded', 'guest busy'] as const;
type Load = (typeof LOADS)[number];
const LOADS_OF: Record<Kind, readonly Load[]> = {
  'light VM': ['idle', 'links loaded'],
  'QEMU guest': LOADS,
};
/** Of one TCP stream to each host beside: a third of what these links carry on two processors. */
const LOAD_BITS_PER_SECOND = 500e6;
const LOAD_PORT = 5300;
/** What the guest writes over and over, of its memory; QEMU sends 119 MiB/s. */
const DIRTY_MIB_PER_SECOND = 40;
const QUIET_MS = 300;
/** Of the median, against the plain bridge; a VM's own stop, which differs from run to run, is taken off both. */
const SILENCE_ADDED_MAX_MS = 50;
const TOGETHER = 10;
const TOGETHER_ROUNDS = 5;
const TOGETHER_MAX_MS = 2_000;

type Runs = Record<'plain' | 'ours', Measured[]>;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export async function migrationFigures(): Promise<Figure[]> {
  const directory = mkdtempSync(join(tmpdir(), 'vnet-bench-'));
  try {
    const meter = join(directory, 'meter');
    await buildMeter(meter);
    const figures = await movesOf('light VM', meter, directory);
    figures.push(await together());
    const missing = needGuest();
    if (missing === false) figures.push(...(await movesOf('QEMU guest', meter, directory)));
    else process.stderr.write(`\nmoves of QEMU guests: skipped: ${missing}\n`);
    return figures;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** One bed after the other: two at a time would share the processors. */
async function movesOf(kind: Kind, meter: string, directory: string): Promise<Figure[]> {
  const light = kind === 'light VM' ? [VM] : [];
  const runs = new Map<Load, Runs>(LOADS_OF[kind].map((load) => [load, { plain: [], ours: [] }]));
  for (const which of ['plain', 'ours'] as const) {
    const bed: Bed = await (which === 'plain' ? PlainBed : OverlayBed).make(light);
    try {
      const { console } = await bed.start(kind === 'light VM' ? undefined : meteredGuest(directory, meter));
      const watch = await withMeter(bed, kind, meter, console);
      const mover = new BackAndForth(bed, watch);
      await mover.move();
      for (const [load, measured] of runs) {
        const end = await loaded(bed, load, mover.console ?? console);
        for (let i = 0; i < MOVES[kind]; i++) measured[which].push(await mover.move());
        end();
      }
      watch.close();
    } finally {
      await bed.close();
    }
  }
  return [...runs].flatMap(([load, measured]) => figuresOf(kind, load, measured));
}

class BackAndForth {
  #host = 'a';
  console: string | undefined;

  constructor(
    readonly bed: Bed,
    readonly watch: Watch,
  ) {}

  async move(): Promise<Measured> {
    const { bed, watch } = this;
    this.#host = this.#host === 'a' ? 'b' : 'a';
    await pause(QUIET_MS);
    watch.begin();
    const move = await bed.move(this.#host);
    this.console = move.console ?? this.console;
    await pause(QUIET_MS);
    const seen = await watch.end();
    return { ...move, ...seen };
  }
}

/** @returns what ends the load */
async function loaded(bed: Bed, load: Load, console: string | undefined): Promise<() => void> {
  if (load === 'idle') return () => {};
  if (load === 'guest busy') {
    if (console !== undefined) typeOnce(console, `dirty ${DIRTY_MIB_PER_SECOND} &`);
    await pause(QUIET_MS);
    return () => {};
  }
  const children = ['r', 's'].flatMap((vm, i) => {
    const port = String(LOAD_PORT + i);
    return [bed.lab.vm(vm).spawn(['iperf3', '-s', '-1', '-p', port], { stdio: 'ignore' })];
  });
  await pause(QUIET_MS);
  for (const [i, vm] of ['r', 's'].entries()) {
    const flags = ['-t', '0', '-b', String(LOAD_BITS_PER_SECOND), '-p', String(LOAD_PORT + i)];
    const address = bed.lab.vm(vm).address;
    children.push(bed.lab.vm('q').spawn(['iperf3', ...flags, '-c', address], { stdio: 'ignore' }));
  }
  await pause(QUIET_MS);
  return () => {
    for (const child of children) child.kill('SIGKILL');
  };
}

function figuresOf(kind: Kind, load: Load, { plain, ours }: Runs): Figure[] {
  const of = (runs: Measured[], what: keyof Measured) =>
    runs.map((run) => Number(run[what])).filter((value) => !Number.isNaN(value));
  const name = (what: string) => `${kind}, ${load}: ${what}`;
  const beside = (what: keyof Measured, digits = 0) => {
    const samples = of(plain, what);
    return `plain bridge ${median(samples).toFixed(digits)} (${Math.min(...samples).toFixed(digits)} .. ${Math.max(...samples).toFixed(digits)})`;
  };
  const silence = (what: 'pingSilenceMs' | 'streamSilenceMs', title: string): Figure[] => {
    const beyond = (runs: Measured[]) => runs.map((run) => Math.max(0, run[what] - run.stoppedMs));
    const [ourOwn, without] = [beyond(ours), beyond(plain)];
    const added = median(ourOwn) - median(without);
    return [
      { name: name(title), unit: 'ms', samples: of(ours, what), beside: beside(what) },
      {
        name: name(`${title}, beyond its own stop`),
        unit: 'ms',
        samples: ourOwn,
        beside: `plain bridge ${median(without).toFixed(0)}: adds ${added.toFixed(0)}, bar ${SILENCE_ADDED_MAX_MS}`,
        met: added <= SILENCE_ADDED_MAX_MS,
      },
    ];
  };
  const frames = (what: keyof Measured, title: string, rest: Partial<Figure> = {}): Figure => ({
    name: name(title),
    unit: 'frames',
    samples: of(ours, what),
    beside: beside(what),
    ...rest,
  });
  const never = (what: keyof Measured) => ({ met: of(ours, what).every((count) => count === 0) });
  const qmp = of(plain, 'qmpMs');
  const said = qmp.length > 0 ? `, by QMP ${median(qmp).toFixed(0)}` : '';
  return [
    { name: name('total'), unit: 'ms', samples: of(ours, 'totalMs'), beside: beside('totalMs') },
    {
      name: name('not executing, by its host'),
      unit: 'ms',
      samples: of(ours, 'stoppedMs'),
      beside: `${beside('stoppedMs')}${said}`,
    },
    ...silence('pingSilenceMs', 'silence of a 1 ms ping'),
    ...silence('streamSilenceMs', 'silence of a TCP stream'),
    frames('toVmLost', 'lost on the way to it, of 1000/s', {
      met: ours.every(({ toVmLost, lostFrames }) => toVmLost <= (lostFrames ?? 0)),
    }),
    frames('lostFrames', 'of all traffic, as the move itself says', { beside: 'MoveResult.lostFrames' }),
    frames('heldFrames', 'held for it', { beside: 'MoveResult.heldFrames' }),
    frames('toVmRepeated', 'came to it twice', never('toVmRepeated')),
    frames('fromVmLost', 'lost on the way from it'),
    frames('fromVmRepeated', 'came from it twice', never('fromVmRepeated')),
    {
      name: name('TCP streams broken'),
      unit: 'streams',
      samples: [ours.filter(({ streamWhole }) => !streamWhole).length],
      beside: `plain bridge ${plain.filter(({ streamWhole }) => !streamWhole).length}`,
      met: ours.every(({ streamWhole }) => streamWhole),
    },
  ];
}

async function together(): Promise<Figure> {
  const names = [VM, ...Array.from({ length: TOGETHER - 1 }, (_, i) => `${VM}${i + 1}`)];
  const bed = await OverlayBed.make(names);
  try {
    await bed.start(undefined);
    const samples: number[] = [];
    for (let round = 0; round < TOGETHER_ROUNDS; round++) {
      const startedAt = performance.now();
      const results = await bed.moveAll(names, round % 2 === 0 ? 'b' : 'a');
      samples.push(performance.now() - startedAt);
      const stayed = results.find(({ outcome }) => outcome !== 'moved');
      if (stayed) throw new Error(`${stayed.vm} ${stayed.outcome}: ${stayed.reason}`);
    }
    return {
      name: `${TOGETHER} light VMs moved together`,
      unit: 'ms',
      samples,
      beside: `bar ${TOGETHER_MAX_MS} ms`,
      met: median(samples) <= TOGETHER_MAX_MS,
    };
  } finally {
    await bed.close();
  }
}
