import fc from 'fast-check';
import loadHighs from 'highs';
import t from 'tap';
import { seededRandom, type VnetError } from '../../core/index.js';
import { compile } from '../model/compile.js';
import { evaluate, whyMappingInvalid } from '../model/evaluate.js';
import type { Instance } from '../model/instance.js';
import { type Objective, OBJECTIVES, weighted } from '../model/objective.js';
import type { Placement, Problem } from '../model/problem.js';
import { branchAndBound } from './branch.js';
import { type Highs, milpSolver } from './milp.js';
import { upperBound } from './upper-bound.js';

/** Every mapping, every path of every flow. */
function bruteForce(instance: Instance, objective: Objective): { value: number; best?: Placement } {
  const found: { value: number; best?: Placement } = { value: -Infinity };
  const mapping = new Int32Array(instance.vms);
  const paths: Int32Array[] = Array.from({ length: instance.flows }, () => new Int32Array(0));
  const route = (flow: number): void => {
    if (flow === instance.flows) {
      const { value } = evaluate(instance, objective, { mapping, paths });
      if (value > found.value) {
        found.value = value;
        found.best = { mapping: Int32Array.from(mapping), paths: [...paths] };
      }
      return;
    }
    const from = mapping[instance.flowFrom[flow] as number] as number;
    const to = mapping[instance.flowTo[flow] as number] as number;
    const all = simplePaths(instance, from, to);
    for (const path of all.length > 0 ? all : [[]]) {
      paths[flow] = Int32Array.from(path);
      route(flow + 1);
    }
  };
  const place = (vm: number): void => {
    if (vm === instance.vms) {
      if (whyMappingInvalid(instance, mapping) === undefined) route(0);
      return;
    }
    for (let host = 0; host < instance.hosts; host++) {
      mapping[vm] = host;
      place(vm + 1);
    }
  };
  place(0);
  return found;
}

function simplePaths(instance: Instance, from: number, to: number): number[][] {
  const found: number[][] = [];
  const walk = (path: number[]): void => {
    const here = path[path.length - 1] as number;
    if (here === to) {
      found.push([...path]);
      return;
    }
    if (path.length > instance.maxHops || (path.length > 1 && instance.relays[here] !== 1)) return;
    for (let next = 0; next < instance.hosts; next++) {
      const exists = (instance.bandwidth[here * instance.hosts + next] as number) > 0;
      if (exists && !path.includes(next)) walk([...path, next]);
    }
  };
  walk([from]);
  return found;
}

/** Small numbers, so that ties and overloads are many. */
const anyProblem = (hostsMax: number, vmsMax: number, flowsMax: number): fc.Arbitrary<Problem> =>
  fc
    .record({
      hosts: fc.integer({ min: 1, max: hostsMax }),
      vms: fc.integer({ min: 1, max: vmsMax }),
      flows: fc.integer({ min: 0, max: flowsMax }),
      seed: fc.integer({ min: 0, max: 1e9 }),
      features: fc.subarray(
        ['local', 'cpus', 'missing', 'memory', 'pins', 'apart', 'together', 'shared', 'hops', 'relays'] as const,
      ),
      more: fc.subarray(['absent', 'bounds', 'present', 'links'] as const),
    })
    .map(({ hosts, vms, flows, seed, features, more }) => makeProblem(hosts, vms, flows, seed, [...features, ...more]));

function makeProblem(hosts: number, vms: number, flows: number, seed: number, features: string[]): Problem {
  const random = seededRandom(seed);
  const has = (feature: string) => features.includes(feature);
  const upTo = (most: number) => Math.floor(random() * (most + 1));
  const [hostNames, vmNames] = [
    Array.from({ length: hosts }, (_, i) => `h${i}`),
    Array.from({ length: vms }, (_, i) => `v${i}`),
  ];
  const oneOf = <T>(list: T[]): T => list[upTo(list.length - 1)] as T;
  const edges = hostNames.flatMap((from) =>
    hostNames
      .filter((to) => to !== from && !(has('absent') && random() < 0.3))
      .map((to) => ({ from, to, bitsPerSecond: 1 + upTo(20), latencyUs: 1 + upTo(2000) })),
  );
  return {
    hosts: hostNames.map((name) => ({
      name,
      localBitsPerSecond: has('local') ? upTo(40) : 1000,
      ...(has('cpus') ? { cpus: upTo(4) } : {}),
      ...(has('memory') ? { memoryBytes: upTo(4) } : {}),
      ...(has('relays') && random() < 0.5 ? { relays: false } : {}),
    })),
    edges,
    vms: vmNames.map((name) => ({
      name,
      cpus: upTo(2),
      memoryBytes: upTo(2),
      ...(has('pins') && random() < 0.3 ? { pinned: oneOf(hostNames) } : {}),
      ...(has('pins') && random() < 0.3 ? { allowed: hostNames.filter(() => random() < 0.7) } : {}),
    })),
    flows:
      vms < 2
        ? []
        : Array.from({ length: flows }, () => {
            const from = upTo(vms - 1);
            const to = (from + 1 + upTo(vms - 2)) % vms;
            return {
              from: `v${from}`,
              to: `v${to}`,
              bitsPerSecond: upTo(8),
              ...(has('bounds') ? { maxLatencyUs: 1 + upTo(2000) } : {}),
            };
          }),
    ...(has('shared') && edges.length > 0
      ? {
          shared: Array.from({ length: 2 }, (_, i) => ({
            name: `s${i}`,
            bitsPerSecond: upTo(20),
            edges: edges.filter(() => random() < 0.4).map(({ from, to }) => [from, to] as const),
          })),
        }
      : {}),
    ...(has('apart') ? { apart: [vmNames.filter(() => random() < 0.5)] } : {}),
    ...(has('together') ? { together: [vmNames.filter(() => random() < 0.5)] } : {}),
    ...(has('hops') ? { maxHops: 1 + upTo(1) } : {}),
    ...(has('missing') ? { missingCpuBitsPerSecond: upTo(30) } : {}),
    ...(has('present')
      ? {
          present: {
            mapping: Object.fromEntries(vmNames.filter(() => random() < 0.7).map((name) => [name, oneOf(hostNames)])),
            ...(has('links')
              ? { links: edges.filter(() => random() < 0.5).map(({ from, to }) => [from, to] as const) }
              : {}),
          },
        }
      : {}),
  };
}

/** So that a change costs about what the small numbers are worth. */
const COSTS = { horizonSeconds: 100_000, moveBitsPerSecond: 1e9, stopSeconds: 1e5 };
const anyObjective: fc.Arbitrary<Objective> = fc.oneof(
  fc.constantFrom<Objective>(...Object.values(OBJECTIVES)),
  fc
    .record({
      residual: fc.constantFrom(0, 1, 1, 20),
      tightFit: fc.constantFrom(0, 0, 0.5, 2),
      nearness: fc.constantFrom(0, 0, 5000),
      latency: fc.constantFrom(0, 0, 0.001),
      extraHops: fc.constantFrom(0, 0, 1),
      change: fc.constantFrom(0, 1),
    })
    .map((weights) => weighted(weights)),
);

/** Sums are rounded. */
const atLeast = (bound: number, value: number) => bound >= value - 1e-6 * Math.max(1, Math.abs(value));

t.test('no answer exceeds the bound', async (t) => {
  fc.assert(
    fc.property(anyProblem(3, 3, 3), anyObjective, (problem, objective) => {
      const instance = compile(problem, COSTS);
      const { value } = bruteForce(instance, objective);
      const bound = upperBound(instance, objective);
      if (!atLeast(bound, value)) throw new Error(`${bound} is less than ${value}`);
    }),
    { numRuns: 150 },
  );
  t.pass();
});



const options = (objective: Objective, budgetMs = Infinity) => ({
  objective,
  budgetMs,
  now: () => performance.now(),
  random: seededRandom(1),
});

t.test('the exact solver finds the best of all, and proves it', async (t) => {
  fc.assert(
    fc.property(anyProblem(3, 3, 3), anyObjective, (problem, objective) => {
      const instance = compile(problem, COSTS);
      const { value } = bruteForce(instance, objective);
      const answer = branchAndBound(instance, options(objective));
      if (!answer) {
        if (value > -Infinity) throw new Error(`nothing found; there is ${value}`);
        return;
      }
      const found = evaluate(instance, objective, answer).value;
      const bound = answer.bound as number;
      if (!atLeast(found, value)) throw new Error(`${found} is less than ${value}`);
      if (!atLeast(bound, value) || !atLeast(found, bound)) throw new Error(`bound ${bound} of ${value}`);
    }),
    { numRuns: 150 },
  );
  t.pass();
});

/** The package's types are of CommonJS, its module is not. */
const load = loadHighs as unknown as () => Promise<Highs>;

t.test('the linear program agrees, where it can be one', async (t) => {
  const milp = milpSolver(await load());
  fc.assert(
    fc.property(anyProblem(3, 3, 3), anyObjective, (problem, objective) => {
      const instance = compile(problem, COSTS);
      let answer: ReturnType<typeof milp.solve>;
      try {
        answer = milp.solve(instance, options(objective));
      } catch (error) {
        if ((error as VnetError).code === 'VNET_ERR_UNSUPPORTED') return;
        throw error;
      }
      const { value } = bruteForce(instance, objective);
      if (!answer) {
        if (value > -Infinity) throw new Error(`nothing found; there is ${value}`);
        return;
      }
      const found = evaluate(instance, objective, answer).value;
      if (Math.abs(found - value) > 1e-4 * Math.max(1, Math.abs(value))) throw new Error(`${found} for ${value}`);
      if (!atLeast(answer.bound as number, value)) throw new Error(`bound ${answer.bound} of ${value}`);
    }),
    { numRuns: 60 },
  );
  t.pass();
});
