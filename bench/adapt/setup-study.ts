/**
 * Figure 10 and section 9.4: how long it takes to configure, from the call to the control API to the last host's
 * acknowledgement: the star (until every host has its live link to the Proxy too), then links and rules for a topology
 * among the VMs, one on each host.
 */
import type { Topology } from '../../core/index.js';
import { emptySpec, type LabSpec, OverlayLab, patternEdges } from '../../lab/index.js';
import { type Figure, median } from '../figure.js';
import type { Row } from './csv.js';
import { addressOf, macOf } from './scenario.js';
import type { Study, StudyContext, StudyResult } from './study.js';

const VMS = 8;
/** Name, as `patterns` has it, and the paper's seconds where it gives them. */
const TOPOLOGIES = [
  { name: 'bus', shape: 'bus', paperSeconds: 3.23 },
  { name: 'ring', shape: 'ring' },
  { name: 'mesh', shape: 'mesh:2x4' },
  { name: 'all-to-all', shape: 'all-to-all', paperSeconds: 1.6 },
] as const;
const PAPER_STAR_SECONDS = 0.94;
const SIZES = [4, 8, 16, 28];
const QUICK_SIZES = [4, 28];
const PAPER_28 = { star: 2.9, 'all-to-all': 20.5 };

export const setupStudy: Study = {
  figure: '10',
  title: 'Figure 10: star, then fast paths among 8 VMs',
  runs: { usual: 5, quick: 2 },
  measure: measureTopologies,
};

export const scaleStudy: Study = {
  figure: '9.4',
  title: 'Section 9.4: star and all-to-all up to 28 VMs',
  runs: { usual: 3, quick: 1 },
  measure: measureSizes,
};

function spec(vms: number): LabSpec {
  const lab = emptySpec();
  lab.hosts.push({ name: 'home' });
  for (let i = 0; i < vms; i++) {
    lab.hosts.push({ name: `h${i}` });
    lab.vms.push({ name: `v${i}`, host: `h${i}`, mac: macOf(i), ips: [`${addressOf(i)}/24`] });
  }
  return lab;
}

/** Links and routes for the pattern's edges: what adaptation makes of an inferred topology. */
function withPattern(base: Topology, shape: string, vms: number): Topology {
  const edges = patternEdges(shape, vms);
  return {
    ...base,
    links: edges.map(([a, b]) => ({ type: 'udp', a: `h${a}`, b: `h${b}` })),
    routes: edges.map(([a, b]) => ({
      ...{ network: 'lab', from: `v${a}`, to: `v${b}`, both: true },
      via: [`h${a}`, `h${b}`],
    })),
  };
}

interface SetUp {
  star: number;
  /** By shape, seconds. */
  shapes: Map<string, number>;
  rules: number;
}

/** One overlay, made anew: a star can be set up only once. */
async function setUp(vms: number, shapes: readonly string[]): Promise<SetUp> {
  const overlay = await OverlayLab.make(spec(vms), { name: `setup${vms}` });
  try {
    const client = overlay.client();
    const timed = async (topology: Topology, until?: () => Promise<unknown>) => {
      const startedAt = performance.now();
      await client.apply({ kind: 'target', topology });
      await until?.();
      return (performance.now() - startedAt) / 1000;
    };
    const base = overlay.topology();
    const star = await timed(base, () => overlay.whole());
    const taken = new Map<string, number>();
    let rules = 0;
    for (const shape of shapes) {
      taken.set(shape, await timed(withPattern(base, shape, vms)));
      rules = (await client.hostView('h0')).rules.length;
      await client.apply({ kind: 'target', topology: base });
    }
    return { star, shapes: taken, rules };
  } finally {
    await overlay.close();
  }
}

async function measureTopologies({ runs, tell }: StudyContext): Promise<StudyResult> {
  const all: SetUp[] = [];
  for (let run = 1; run <= runs; run++) {
    tell(`run ${run} of ${runs}`);
    const shapes = TOPOLOGIES.map(({ shape }) => shape);
    all.push(await setUp(VMS, shapes));
  }
  const measured = [
    { name: 'star', samples: all.map(({ star }) => star), paperSeconds: PAPER_STAR_SECONDS },
    ...TOPOLOGIES.map(({ name, shape, ...paper }) => ({
      name,
      samples: all.map((run) => run.shapes.get(shape) ?? Number.NaN),
      paperSeconds: 'paperSeconds' in paper ? paper.paperSeconds : undefined,
    })),
  ];
  return {
    figures: measured.map(({ name, samples, paperSeconds }) => ({
      name: name === 'star' ? 'star of 8 daemons, every link live' : `${name} on top of it`,
      unit: 'ms',
      samples: samples.map((taken) => taken * 1000),
      beside: paperSeconds === undefined ? 'the paper has it in the plot only' : `paper ${paperSeconds} s`,
      ...(paperSeconds === undefined ? {} : { met: median(samples) <= paperSeconds }),
    })),
    rows: all.map(({ star, shapes }, run) => ({ run, starSeconds: star, ...seconds(shapes) })),
    charts: [
      {
        kind: 'bars',
        title: 'Time to configure, 8 daemons with a VM each',
        subtitle: 'from the call to the last acknowledgement; bars: medians, whiskers: all runs',
        xLabel: 'topology (all but the star: on top of the star)',
        ...{ yLabel: 'time (s)', yLog: true },
        groups: measured.map(({ name }) => name),
        series: [
          { name: 'paper', hollow: true, samples: measured.map(({ paperSeconds }) => list(paperSeconds)) },
          { name: 'vnet', samples: measured.map(({ samples }) => samples) },
        ],
      },
    ],
    parameters: { vms: VMS, topologies: TOPOLOGIES, underlay: 'neither limited nor delayed' },
  };
}

async function measureSizes({ runs, quick, tell }: StudyContext): Promise<StudyResult> {
  const sizes = quick ? QUICK_SIZES : SIZES;
  const all = new Map<number, SetUp[]>(sizes.map((size) => [size, []]));
  for (let run = 1; run <= runs; run++) {
    for (const [size, list] of all) {
      tell(`run ${run} of ${runs}: ${size} VMs`);
      list.push(await setUp(size, ['all-to-all']));
    }
  }
  const samplesOf = (size: number, what: 'star' | 'all-to-all') =>
    (all.get(size) ?? []).map(({ star, shapes }) =>
      what === 'star' ? star : (shapes.get('all-to-all') ?? Number.NaN),
    );
  const kinds = ['star', 'all-to-all'] as const;
  return {
    figures: sizes.flatMap((size) =>
      kinds.map((what): Figure => {
        const samples = samplesOf(size, what);
        const paper = PAPER_28[what];
        const compared = size === 28;
        return {
          ...{ name: `${what}, ${size} VMs`, unit: 'ms', samples: samples.map((taken) => taken * 1000) },
          beside: compared ? `paper ${paper} s` : '',
          ...(compared ? { met: median(samples) <= paper } : {}),
        };
      }),
    ),
    rows: [...all].flatMap(([vms, list]) =>
      list.map(
        ({ star, shapes, rules }, run): Row => ({
          ...{ vms, run, starSeconds: star, ...seconds(shapes), rulesOnOneHost: rules },
        }),
      ),
    ),
    charts: [
      {
        kind: 'lines',
        title: 'Time to configure over the number of VMs',
        subtitle: 'one VM a host; all-to-all on top of the star; whiskers: all runs; paper: 28 VMs alone',
        ...{ xLabel: 'VMs', yLabel: 'time (s)', yLog: true },
        series: [
          ...kinds.map((what) => ({
            name: what,
            points: sizes.map((size) => ({ x: size, samples: samplesOf(size, what) })),
          })),
          ...kinds.map((what) => ({
            name: `${what}, paper`,
            points: [{ x: 28, samples: [PAPER_28[what]] }],
          })),
        ],
      },
    ],
    parameters: { sizes, underlay: 'neither limited nor delayed' },
  };
}

const list = (value: number | undefined): number[] => (value === undefined ? [] : [value]);

const seconds = (shapes: Map<string, number>): Row =>
  Object.fromEntries([...shapes].map(([shape, taken]) => [`${shape} seconds`, taken]));
