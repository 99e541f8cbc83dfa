/**
 * Recorded applications on measured paths between cloud regions: cuts that can be proven, and 64 VMs on 45 regions. The
 * data is not part of the project; VNET_DATA names its folder.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from '../../core/index.js';
import {
  cloudNetwork,
  compile,
  evaluate,
  type InstanceFile,
  measuredInstance,
  rankMatrix,
  rankPairs,
  someHosts,
  someVms,
  type Traffic,
  upperBound,
} from '../../vadapt/index.js';
import { Absent, type Figure } from '../figure.js';
import { type Case, loaded, solverRows, TABLE_SOLVERS } from './solver-table.js';

const NETWORK = join('cloud-throughput', 'results_202202.csv');
const MATRICES = 'mpi-maplib';
const PAIRS = 'mpi-cenat';
const RANKS = 64;
const BITS_PER_SECOND_OF_VM = 10e6;

const CUTS = [
  { hosts: 6, vms: 6, flows: 12, bar: 99 },
  { hosts: 8, vms: 8, flows: 20, bar: 98 },
] as const;
/** Choices of regions of each application. */
const CUT_SEEDS = [1, 2, 3];
const CUT_BUDGET_MS = 200;
/** For the proof that the cuts are held against. */
const PROOF_MS = 10_000;
const WHOLE_BUDGET_MS = 1000;

export async function realFigures(): Promise<Figure[]> {
  const folder = process.env['VNET_DATA'];
  if (folder === undefined || !existsSync(join(folder, NETWORK)))
    throw new Absent(`no measured networks: VNET_DATA names no folder with ${NETWORK}`);
  const clouds = cloudNetwork(readFileSync(join(folder, NETWORK), 'utf8'), NETWORK);
  const applications = recorded(folder);
  if (applications.length === 0) throw new Absent(`no recorded applications in ${folder}`);
  const figures: Figure[] = [];
  for (const { hosts, vms, flows, bar } of CUTS) {
    const files = applications.flatMap(({ name, traffic }, i) =>
      CUT_SEEDS.map((seed) => {
        const regions = someHosts(clouds, hosts, seededRandom(100 * seed + i));
        return measuredInstance(regions, someVms(traffic, vms, flows), { name, about: name });
      }),
    );
    const cases = await Promise.all(files.map(provenCase));
    const options = { solvers: TABLE_SOLVERS, budgetMs: CUT_BUDGET_MS, bar: { solver: 'auto', worst: bar } };
    figures.push(...(await solverRows(`${cases.length} cuts, ${hosts} regions`, cases, options)));
  }
  const whole = applications.map(({ name, traffic }) =>
    boundedCase(measuredInstance(clouds, traffic, { name, about: name })),
  );
  const title = `${whole.length} applications, ${RANKS} VMs, ${clouds.hosts.length} regions`;
  const options = { solvers: ['random', 'map-vm', 'greedy', 'annealing', 'auto'], budgetMs: WHOLE_BUDGET_MS };
  return [...figures, ...(await solverRows(title, whole, options))];
}

function recorded(folder: string): { name: string; traffic: Traffic }[] {
  const scale = { bitsPerSecondOfVm: BITS_PER_SECOND_OF_VM };
  const read = (part: string, ending: string, parse: typeof rankMatrix) => {
    const files = existsSync(join(folder, part)) ? readdirSync(join(folder, part)).sort() : [];
    return files
      .filter((file) => file.endsWith(ending))
      .map((file) => ({
        name: file,
        traffic: parse(readFileSync(join(folder, part, file), 'utf8'), file, scale),
      }));
  };
  return [...read(MATRICES, '.p2p.size.csv', rankMatrix), ...read(PAIRS, `.${RANKS}.csv`, rankPairs)];
}

async function provenCase(file: InstanceFile): Promise<Case> {
  const one = boundedCase(file);
  const exact = await loaded('exact');
  const answer = exact.solve(one.instance, {
    objective: one.objective,
    budgetMs: PROOF_MS,
    now: () => performance.now(),
    random: seededRandom(1),
  });
  if (!answer) return one;
  const { value } = evaluate(one.instance, one.objective, answer);
  return { ...one, bound: Math.max(value, Math.min(one.bound, answer.bound ?? Infinity)) };
}

function boundedCase({ name, problem, objective }: InstanceFile): Case {
  const instance = compile(problem);
  return { name, instance, objective, bound: upperBound(instance, objective) };
}
