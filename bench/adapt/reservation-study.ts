/** Figure 12 (VRESERVE, 6.1 and 9.2.2): what a reservation costs to set up, and what it brings under competing traffic. */
import type { ChildProcess } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { type ControlClient, emptyChange, type Topology } from '../../core/index.js';
import { emptySpec, type LabSpec, OverlayLab } from '../../lab/index.js';
import { type Figure, median } from '../figure.js';
import { transfer } from '../iperf.js';
import type { Row } from './csv.js';
import { ProcessorWatch } from './processor-watch.js';
import { addressOf, macOf } from './scenario.js';
import type { Study, StudyContext, StudyResult } from './study.js';

/** Of the network between the two hosts. Their daemons are told a little less, so that what queues, queues there. */
const PATH_BPS = 20e6;
const LINE_RATE = '19500k';
const RESERVED_BPS = 12e6;
/** Of other people between the same hosts, beside the overlay. */
const COMPETING_STREAMS = 4;
const COMPETING_PORT = 5400;
const SECONDS = 4;
const LISTEN_MS = 300;
/** What TCP in the VMs gets of a reservation, which counts IP packets of the underlay. */
const GOODPUT_MIN = 0.85;
const CONDITIONS = ['alone', 'competing', 'competing, reserved'] as const;
type Condition = (typeof CONDITIONS)[number];

const STEPS = ['link', 'reserve', 'release', 'unlink'] as const;
type Step = (typeof STEPS)[number];
const PAPER_SECONDS: Partial<Record<Step, number>> = { reserve: 17.5, release: 12 };
const STEP_NAMES: Record<Step, string> = {
  link: 'link and route made',
  reserve: 'reservation made',
  release: 'reservation released',
  unlink: 'link and route removed',
};

export const reservationStudy: Study = {
  figure: '12',
  title: 'Figure 12: a reservation, what it costs and what it brings',
  runs: { usual: 5, quick: 1 },
  measure,
};

function spec(): LabSpec {
  const lab = emptySpec();
  lab.hosts.push({ name: 'home' }, { name: 'a' }, { name: 'b' });
  lab.paths.push({ from: 'a', to: 'b', rateBps: PATH_BPS }, { from: 'b', to: 'a', rateBps: PATH_BPS });
  for (const [index, host] of ['a', 'b'].entries())
    lab.vms.push({ name: `v${index}`, host, mac: macOf(index), ips: [`${addressOf(index)}/24`] });
  return lab;
}

const LINK: Partial<Topology> = {
  links: [{ type: 'udp', a: 'a', b: 'b' }],
  routes: [{ network: 'lab', from: 'v0', to: 'v1', both: true, via: ['a', 'b'] }],
};
const RESERVATION: Partial<Topology> = {
  linkReservations: [{ type: 'udp', from: 'a', to: 'b', bitsPerSecond: RESERVED_BPS }],
};

/** Milliseconds from the call to the last acknowledgement. */
async function change(
  client: ControlClient,
  sign: 'add' | 'remove',
  part: Partial<Topology>,
): Promise<number> {
  const wanted = emptyChange();
  Object.assign(wanted[sign], part);
  const startedAt = performance.now();
  await client.apply({ kind: 'change', change: wanted });
  return performance.now() - startedAt;
}

interface Run {
  steps: Record<Step, number>;
  mbps: Record<Condition, number>;
  busyShare: number;
}

async function measure({ runs, tell }: StudyContext): Promise<StudyResult> {
  const overlay = await OverlayLab.make(spec(), {
    name: 'reserve12',
    arguments: ['--reserve', 'tc', '--line-rate', LINE_RATE],
  });
  const all: Run[] = [];
  try {
    await overlay.client().apply({ kind: 'target', topology: overlay.topology() });
    await overlay.whole();
    for (let run = 1; run <= runs; run++) {
      all.push(await once(overlay));
      tell(`run ${run} of ${runs}`);
    }
  } finally {
    await overlay.close();
  }
  return result(all);
}

/** In the order of the paper's figure: link, reservation, then back. */
async function once(overlay: OverlayLab): Promise<Run> {
  const client = overlay.client();
  const watch = new ProcessorWatch();
  const link = await change(client, 'add', LINK);
  await overlay.until('the direct link', async () =>
    (await overlay.client('a').local()).links.some(({ peer, up }) => peer === 'b' && up),
  );
  const alone = await stream(overlay);
  const competing = await amongOthers(overlay, () => stream(overlay));
  const reserve = await change(client, 'add', RESERVATION);
  const reserved = await amongOthers(overlay, () => stream(overlay));
  const busyShare = watch.share();
  const release = await change(client, 'remove', RESERVATION);
  const unlink = await change(client, 'remove', LINK);
  return {
    steps: { link, reserve, release, unlink },
    mbps: { alone, competing, 'competing, reserved': reserved },
    busyShare,
  };
}

/** Mbit/s of one TCP stream between the VMs. */
async function stream({ lab }: OverlayLab): Promise<number> {
  return (await transfer(lab, { from: 'v0', to: 'v1', address: addressOf(1), seconds: SECONDS })) * 1000;
}

async function amongOthers<T>({ lab }: OverlayLab, work: () => Promise<T>): Promise<T> {
  const port = String(COMPETING_PORT);
  const children: ChildProcess[] = [lab.host('b').spawn(['iperf3', '-s', '-p', port], { stdio: 'ignore' })];
  await pause(LISTEN_MS);
  const flags = ['-C', 'cubic', '-t', '0', '-P', String(COMPETING_STREAMS), '-p', port];
  const client = ['iperf3', ...flags, '-c', lab.host('b').address];
  children.push(lab.host('a').spawn(client, { stdio: 'ignore' }));
  await pause(LISTEN_MS);
  try {
    return await work();
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await pause(LISTEN_MS);
  }
}

function result(all: Run[]): StudyResult {
  const times = (step: Step) => all.map(({ steps }) => steps[step]);
  const rates = (condition: Condition) => all.map(({ mbps }) => mbps[condition]);
  const wanted = (RESERVED_BPS / 1e6) * GOODPUT_MIN;
  return {
    figures: [
      ...STEPS.map((step): Figure => {
        const paper = PAPER_SECONDS[step];
        return {
          ...{ name: STEP_NAMES[step], unit: 'ms', samples: times(step) },
          beside: paper === undefined ? '"lost in the noise"' : `paper ${paper} s, of its optical network`,
        };
      }),
      ...CONDITIONS.map((condition): Figure => {
        const isReserved = condition === 'competing, reserved';
        return {
          ...{ name: `one TCP stream, ${condition}`, unit: 'Mbit/s', samples: rates(condition) },
          beside: isReserved ? `reserved ${RESERVED_BPS / 1e6}, bar ${wanted.toFixed(1)}` : '',
          ...(isReserved ? { met: median(rates(condition)) >= wanted } : {}),
        };
      }),
    ],
    rows: all.map(
      ({ steps, mbps, busyShare }, run): Row => ({
        run,
        ...Object.fromEntries(STEPS.map((step) => [`${step} ms`, steps[step]])),
        ...Object.fromEntries(CONDITIONS.map((condition) => [`${condition} Mbit/s`, mbps[condition]])),
        busyShare,
      }),
    ),
    charts: [
      {
        kind: 'bars',
        title: 'What a reservation costs',
        subtitle: 'from the call to the last acknowledgement; bars: medians, whiskers: all runs',
        ...{ xLabel: 'step', yLabel: 'time (s)', yLog: true },
        groups: STEPS.map((step) => STEP_NAMES[step]),
        series: [
          {
            name: 'paper (ODIN, OMNInet)',
            hollow: true,
            samples: STEPS.map((step) => [PAPER_SECONDS[step] ?? Number.NaN]),
          },
          { name: 'vnet (tc)', samples: STEPS.map((step) => times(step).map((ms) => ms / 1000)) },
        ],
      },
      {
        kind: 'bars',
        title: `What a reservation of ${RESERVED_BPS / 1e6} Mbit/s brings`,
        subtitle: `path of ${PATH_BPS / 1e6} Mbit/s; competing: ${COMPETING_STREAMS} TCP streams of others; bars: medians`,
        ...{ xLabel: 'one TCP stream between two VMs', yLabel: 'its rate (Mbit/s)' },
        groups: [...CONDITIONS],
        series: [{ name: 'vnet', samples: CONDITIONS.map(rates) }],
      },
    ],
    parameters: {
      pathBps: PATH_BPS,
      lineRate: LINE_RATE,
      reservedBps: RESERVED_BPS,
      COMPETING_STREAMS,
      SECONDS,
    },
  };
}
