/** 1,000 hosts, 1,000 VMs, 6,000 flows; and what one change costs once an answer is there. */
import { seededRandom } from '../../core/index.js';
import {
  compile,
  type Family,
  generateInstance,
  type Instance,
  type Placement,
  type Problem,
  Redecider,
  type Touched,
  upperBound,
} from '../../vadapt/index.js';
import type { Figure } from '../figure.js';
import { type Case, loaded, runOn, solverRows } from './solver-table.js';

const LARGE = { hosts: 1000, vms: 1000, flows: 6000, pattern: 'all-to-all', seed: 1 } as const;
const LARGE_FAMILIES: readonly Family[] = ['mesh', 'uplinks', 'sites'];
const LARGE_BUDGET_MS = 2000;
/** A budget is looked at between two moves. */
const OVERRUN = 1.05;
const MEMORY_BYTES = 2 ** 30;
const MEDIUM = { hosts: 45, vms: 64, flows: 400, pattern: 'mesh', seed: 1 } as const;
const CHANGES = 20;
const CHANGE_MS = 20;

export async function scaleFigures(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const family of LARGE_FAMILIES) {
    const one = generated(family, LARGE);
    const startedAt = performance.now();
    upperBound(one.instance, one.objective);
    const boundMs = performance.now() - startedAt;
    const title = `${family}, 1,000 x 1,000 x 6,000`;
    figures.push(
      ...(await solverRows(title, [one], { solvers: ['random', 'auto'], budgetMs: LARGE_BUDGET_MS })),
      {
        name: `${title}: upper bound`,
        unit: 'ms',
        samples: [boundMs],
        beside: 'bar 200 ms',
        met: boundMs <= 200,
      },
      await timeFigure(title, one),
    );
  }
  const resident = process.resourceUsage().maxRSS * 1024;
  figures.push({
    name: 'resident memory, all of this process, at most',
    unit: 'MB',
    samples: [resident / 1e6],
    beside: 'bar 1 GB',
    met: resident <= MEMORY_BYTES,
  });
  return [
    ...figures,
    ...(await changeFigures('45 hosts, 64 VMs', MEDIUM)),
    ...(await changeFigures('1,000 hosts, 1,000 VMs', LARGE)),
  ];
}

async function timeFigure(title: string, one: Case): Promise<Figure> {
  const outcome = runOn(await loaded('auto'), one, LARGE_BUDGET_MS);
  const samples = [outcome?.tookMs ?? Infinity];
  const met = (samples[0] as number) <= OVERRUN * LARGE_BUDGET_MS;
  return { name: `${title}: auto, time`, unit: 'ms', samples, beside: `bar ${LARGE_BUDGET_MS} ms`, met };
}

function generated(family: Family, size: Parameters<typeof generateInstance>[1]): Case {
  const { name, problem, objective } = generateInstance(family, size);
  const instance = compile(problem);
  return { name, instance, objective, bound: upperBound(instance, objective) };
}

/** Of a demand, and of a host's paths: how long until there is an answer to it, and what it is beside one from nothing. */
async function changeFigures(title: string, size: Parameters<typeof generateInstance>[1]): Promise<Figure[]> {
  const file = generateInstance('mesh', size);
  const before = compile(file.problem);
  const solver = await loaded('auto');
  const one = {
    name: file.name,
    instance: before,
    objective: file.objective,
    bound: upperBound(before, file.objective),
  };
  const outcome = runOn(solver, one, LARGE_BUDGET_MS);
  if (!outcome) throw new Error(`no placement of ${file.name}`);
  const random = seededRandom(7);
  const pick = (count: number) => Math.floor(random() * count);
  const flowChanges = Array.from({ length: CHANGES }, () => {
    const flow = pick(before.flows);
    return { instance: withDemand(before, flow, 3), touched: { flows: [flow] } };
  });
  const hostChanges = Array.from({ length: CHANGES }, () => {
    const host = pick(before.hosts);
    return { instance: withSlowHost(before, host), touched: { hosts: [host] } };
  });
  return [
    changeFigure(`${title}: a flow asks for three times as much`, flowChanges, outcome.placement, one),
    changeFigure(`${title}: a host's paths are half as wide`, hostChanges, outcome.placement, one),
  ];
}

function changeFigure(
  name: string,
  changes: readonly { instance: Instance; touched: Touched }[],
  previous: Placement,
  { objective, instance: before }: Case,
): Figure {
  const redecider = new Redecider(objective, previous);
  redecider.prepare(before, seededRandom(1));
  let undone: Touched = {};
  const samples = changes.map(({ instance, touched }) => {
    const startedAt = performance.now();
    // Each change is one of the first instance: the one before is taken back.
    redecider.decide(instance, both(undone, touched), {
      budgetMs: CHANGE_MS,
      now: () => performance.now(),
      random: seededRandom(1),
    });
    undone = touched;
    return performance.now() - startedAt;
  });
  const worst = Math.max(...samples);
  return { name, unit: 'ms', samples, beside: `bar ${CHANGE_MS} ms`, met: worst <= CHANGE_MS * OVERRUN };
}

function both(one: Touched, other: Touched): Touched {
  return {
    flows: [...(one.flows ?? []), ...(other.flows ?? [])],
    hosts: [...(one.hosts ?? []), ...(other.hosts ?? [])],
  };
}

function withDemand(instance: Instance, flow: number, factor: number): Instance {
  const demand = Float64Array.from(instance.demand);
  demand[flow] = (demand[flow] as number) * factor;
  const flows = instance.problem.flows.map((one, i) => {
    return i === flow ? { ...one, bitsPerSecond: one.bitsPerSecond * factor } : one;
  });
  const problem: Problem = { ...instance.problem, flows };
  return { ...instance, problem, demand };
}

function withSlowHost(instance: Instance, host: number): Instance {
  const { hosts } = instance;
  const bandwidth = Float64Array.from(instance.bandwidth);
  for (let other = 0; other < hosts; other++) {
    if (other === host) continue;
    for (const edge of [host * hosts + other, other * hosts + host])
      bandwidth[edge] = (bandwidth[edge] as number) / 2;
  }
  return { ...instance, bandwidth };
}
