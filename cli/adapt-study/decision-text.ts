/** What would be decided for an instance, as text and as a document. */
import {
  type Instance,
  maxMinRates,
  namedPlacement,
  type Objective,
  type Solution,
} from '../../vadapt/index.js';
import { gapText, signedRate } from '../adapt/index.js';
import { duration, plural, roundTrip, shortBitRate } from '../format.js';
import type { Run } from '../run.js';

/** More flows are counted, not shown, unless all are asked for. */
const FLOWS_SHOWN = 20;

export interface DecidedFlow {
  from: string;
  to: string;
  bitsPerSecond: number;
  /** Max-min fair share of its path, for traffic that takes what it can. */
  fairBitsPerSecond: number;
  latencyUs: number;
  path: string[];
}

export function decidedFlows(instance: Instance, solution: Solution): DecidedFlow[] {
  const { paths } = namedPlacement(instance.problem, solution);
  const fair = maxMinRates(instance, solution.paths).bitsPerSecond;
  return instance.problem.flows.map(({ from, to, bitsPerSecond }, flow) => {
    const path = [...(paths[flow] ?? [])];
    return {
      from,
      to,
      bitsPerSecond,
      fairBitsPerSecond: fair[flow] ?? 0,
      latencyUs: latencyOf(instance, solution.paths[flow]),
      path,
    };
  });
}

function latencyOf({ hosts, latency }: Instance, path: Int32Array | undefined): number {
  let sum = 0;
  path?.forEach((to, i) => {
    if (i > 0) sum += latency[(path[i - 1] as number) * hosts + to] as number;
  });
  return sum;
}

/** `value 3.76 Gbit/s, at most 3.80 Gbit/s (gap 1.1%), annealing in 203 ms`. */
export function outcomeLine({ value, bound, solver, tookMs }: Solution): string {
  const limit = Number.isFinite(bound) ? `, at most ${signedRate(bound)} (${gapText(value, bound)})` : '';
  return `value ${signedRate(value)}${limit}, ${solver} in ${duration(tookMs)}`;
}

export function showDecision(
  run: Run,
  name: string,
  instance: Instance,
  objective: Objective,
  solution: Solution,
  all: boolean,
): void {
  const { strong, faint, vm, host } = run.paint;
  const { problem } = instance;
  const sizes = [
    plural(instance.hosts, 'host'),
    plural(instance.vms, 'VM'),
    plural(instance.flows, 'flow'),
  ].join(', ');
  run.print(`${strong(name)}  ${sizes}, objective ${objective.name}`, outcomeLine(solution), '');
  const { mapping } = namedPlacement(problem, solution);
  const now = problem.present?.mapping ?? {};
  run.printTable(
    [{ title: 'VM' }, { title: 'HOST' }, { title: 'NOW' }, { title: '' }],
    problem.vms.map(({ name, pinned }) => {
      const moved = now[name] !== undefined && now[name] !== mapping[name];
      return [
        vm(name),
        host(mapping[name] ?? ''),
        now[name] ?? '',
        pinned !== undefined ? faint('pinned') : moved ? 'moves' : '',
      ];
    }),
    'no VM',
  );
  const flows = decidedFlows(instance, solution).sort((a, b) => b.bitsPerSecond - a.bitsPerSecond);
  const shown = all ? flows : flows.slice(0, FLOWS_SHOWN);
  run.print('', `${strong('Flows')}  ${faint('bit/s; fair: by max-min fair shares of the paths')}`);
  run.printTable(
    [
      { title: 'FROM' },
      { title: 'TO' },
      { title: 'ASKS', right: true },
      { title: 'FAIR', right: true },
      { title: 'LATENCY', right: true },
      { title: 'PATH', flex: true },
    ],
    shown.map(({ from, to, bitsPerSecond, fairBitsPerSecond, latencyUs, path }) => [
      vm(from),
      vm(to),
      shortBitRate(bitsPerSecond),
      shortBitRate(fairBitsPerSecond),
      path.length > 1 ? roundTrip(latencyUs) : '',
      path.length === 0 ? 'none' : path.map((name) => host(name)).join(' '),
    ]),
    'no flow',
  );
  if (flows.length > shown.length)
    run.print(faint(`and ${plural(flows.length - shown.length, 'flow')} more: --all`));
}

export function decisionDocument(
  name: string,
  instance: Instance,
  objective: Objective,
  solution: Solution,
): object {
  const { value, bound, gap, solver, tookMs } = solution;
  const proven = Number.isFinite(bound) ? { bound, gap } : { bound: null, gap: null };
  const { mapping } = namedPlacement(instance.problem, solution);
  return {
    name,
    objective: objective.name,
    solver,
    value,
    ...proven,
    tookMs,
    mapping,
    flows: decidedFlows(instance, solution),
  };
}
