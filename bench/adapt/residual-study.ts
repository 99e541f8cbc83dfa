/**
 * Residual-bandwidth mapping (7.1.1, 8.1) on underlays that somebody measured: the plan is asked for, carried out as it
 * is, and what each flow then gets is held against what was predicted for it.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { AdaptPlan } from '../../core/index.js';
import type { Figure } from '../figure.js';
import { AdaptBed } from './bed.js';
import type { Row } from './csv.js';
import { ElasticFlows } from './elastic-flows.js';
import { ProcessorWatch } from './processor-watch.js';
import { type RealScenario, realScenario } from './real-underlay.js';
import { agreement } from './statistics.js';
import type { Study, StudyContext, StudyResult } from './study.js';

/** Until TCP has found its rates and Wren has seen them. */
const SETTLE_MS = 4000;
const MEASURE_MS = 4000;
const PLAN = { mechanisms: ['migration', 'topology'], objective: 'residual', budgetMs: 500 } as const;

export const residualStudy: Study = {
  figure: 'residual',
  title: 'Residual-bandwidth mapping on measured inter-cloud underlays: predicted and measured',
  runs: { usual: 2, quick: 1 },
  measure,
};

interface FlowResult {
  pair: string;
  before: number;
  predicted: number;
  measured: number;
  path: string[];
}

interface Instance extends RealScenario {
  plan: AdaptPlan;
  flows: FlowResult[];
  busyShare: number;
}

async function measure({ runs, quick, seed, tell }: StudyContext): Promise<StudyResult> {
  const all: Instance[] = [];
  for (let run = 0; run < runs; run++) {
    const real = realScenario(seed + run, quick);
    tell(`underlay ${run + 1} of ${runs}: ${Object.values(real.regions).join(', ')}`);
    const bed = await AdaptBed.make(real.scenario);
    try {
      all.push({ ...real, ...(await planAndMeasure(bed)) });
    } finally {
      await bed.close();
    }
  }
  return result(all);
}

async function planAndMeasure(bed: AdaptBed): Promise<Omit<Instance, keyof RealScenario>> {
  await bed.reset();
  const flows = await ElasticFlows.start(bed);
  try {
    await pause(SETTLE_MS);
    const before = await flows.rates(MEASURE_MS);
    const plan = await bed.client.planAdaptation({ settings: { ...PLAN, mechanisms: [...PLAN.mechanisms] } });
    if (plan.actions.length > 0) await bed.client.applyAdaptation(plan.id);
    await pause(SETTLE_MS);
    const watch = new ProcessorWatch();
    const after = await flows.rates(MEASURE_MS);
    const busyShare = watch.share();
    return {
      plan,
      busyShare,
      flows: flows.pairs.map(({ from, to }) => {
        const found = plan.flows.find((flow) => flow.from === from && flow.to === to);
        const [pair, missing] = [`${from} ${to}`, Number.NaN];
        return {
          pair,
          before: before.get(pair) ?? missing,
          predicted: found?.fairThen ?? missing,
          measured: after.get(pair) ?? missing,
          path: found?.pathThen ?? [],
        };
      }),
    };
  } finally {
    flows.stop();
  }
}

const total = (flows: readonly FlowResult[], what: 'before' | 'predicted' | 'measured') =>
  flows.reduce((sum, flow) => sum + (Number.isFinite(flow[what]) ? flow[what] : 0), 0) / 1e6;

function result(all: Instance[]): StudyResult {
  const flows = all.flatMap((instance) => instance.flows);
  const { medianError, correlation } = agreement(flows);
  const gains = all.map((instance) => total(instance.flows, 'measured') / total(instance.flows, 'before'));
  const sums = (what: 'before' | 'predicted' | 'measured', name: string): Figure => ({
    name,
    unit: 'Mbit/s',
    samples: all.map((instance) => total(instance.flows, what)),
    beside: '',
  });
  return {
    figures: [
      sums('before', 'all flows, on the star'),
      sums('predicted', 'all flows, predicted'),
      sums('measured', 'all flows, adapted'),
      { name: 'adapted', unit: 'x the star', samples: gains, beside: 'as it comes' },
      {
        name: 'a flow, measured beside predicted: error',
        unit: '%',
        samples: flows.map(({ measured, predicted }) => Math.abs(measured / predicted - 1) * 100),
        beside: `median ${(medianError * 100).toFixed(0)}%, correlation of logarithms ${correlation.toFixed(2)}`,
      },
    ],
    rows: all.flatMap(({ plan, flows: list, regions, busyShare, scenario }) =>
      list.map(
        ({ pair, path, ...bits }): Row => ({
          ...{ underlay: scenario.name, flow: pair, ...bits },
          path: path.map((host) => regions[host] ?? host).join(' > '),
          ...{ valueNow: plan.valueNow, valueThen: plan.valueThen, bound: plan.bound, solver: plan.solver },
          ...{ actions: plan.actions.length, busyShare },
        }),
      ),
    ),
    charts: [
      {
        kind: 'scatter',
        title: 'What each flow gets: predicted and measured',
        subtitle: 'TCP streams around a ring of VMs, placed and routed for residual bandwidth; dashed: equal',
        ...{ xLabel: 'predicted (Mbit/s)', yLabel: 'measured (Mbit/s)', log: true },
        series: all.map(({ scenario, flows: list }) => ({
          name: scenario.name,
          points: list.map(({ predicted, measured }) => ({ x: predicted / 1e6, y: measured / 1e6 })),
        })),
      },
    ],
    parameters: {
      ...{ plan: PLAN, settleMs: SETTLE_MS, measureMs: MEASURE_MS },
      underlays: all.map(({ scenario, regions }) => ({ scenario, regions })),
    },
  };
}
