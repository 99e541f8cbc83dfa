import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import loadHighs from 'highs';
import t from 'tap';
import { seededRandom, type VnetError } from '../../core/index.js';
import { parseInstance, placementOf } from '../instances/index.js';
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

const FEATURES = [
  'local',
  'cpus',
  'missing',
  'memory',
  'pins',
  'apart',
  'together',
  'shared',
  'hops',
  'relays',
  'absent',
  'bounds',
  'present',
  'links',
] as const;
type Feature = (typeof FEATURES)[number];

const anyProblem = (hostsMax: number, vmsMax: number, flowsMax: number): fc.Arbitrary<Problem> =>
  fc
    .record({
      hosts: fc.integer({ min: 1, max: hostsMax }),
      vms: fc.integer({ min: 1, max: vmsMax }),
      flows: fc.integer({ min: 0, max: flowsMax }),
      seed: fc.nat(1e9),
      features: fc.subarray([...FEATURES]),
    })
    .map(({ hosts, vms, flows, seed, features }) => makeProblem(hosts, vms, flows, seed, features));

/** Small numbers, so that ties and overloads are many. */
function makeProblem(
  hosts: number,
  vms: number,
  flows: number,
  seed: number,
  features: readonly Feature[],
): Problem {
  const random = seededRandom(seed);
  const has = (feature: Feature) => features.includes(feature);
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
            mapping: Object.fromEntries(
              vmNames.filter(() => random() < 0.7).map((name) => [name, oneOf(hostNames)]),
            ),
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

const options = (objective: Objective, budgetMs = Infinity) => ({
  objective,
  budgetMs,
  now: () => performance.now(),
  random: seededRandom(1),
});

/** The bound is none below, and the exact solver's answer is the best, and proven. */
function checkAgainstAll(problem: Problem, objective: Objective): void {
  const instance = compile(problem, COSTS);
  const { value } = bruteForce(instance, objective);
  const bound = upperBound(instance, objective);
  if (!atLeast(bound, value)) throw new Error(`the bound ${bound} is less than ${value}`);
  const answer = branchAndBound(instance, options(objective));
  if (!answer) {
    if (value > -Infinity) throw new Error(`nothing found; there is ${value}`);
    return;
  }
  const found = evaluate(instance, objective, answer).value;
  const proven = answer.bound as number;
  if (!atLeast(found, value)) throw new Error(`${found} is less than ${value}`);
  if (!atLeast(proven, value) || !atLeast(found, proven)) throw new Error(`proven ${proven}, best ${value}`);
}

t.test('bound and exact solver against every answer there is', async (t) => {
  fc.assert(fc.property(anyProblem(3, 3, 3), anyObjective, checkAgainstAll), { numRuns: 150 });
  t.pass();
});

/** Larger where brute force can still follow: only mappings, or only paths. */
const seeded = (features: readonly Feature[]) => fc.tuple(fc.nat(1e9), fc.subarray([...features]));

t.test('mappings alone: direct paths only', async (t) => {
  const problems = seeded(['local', 'cpus', 'missing', 'memory', 'shared', 'present', 'apart']).map(
    ([seed, features]): Problem => ({ ...makeProblem(4, 4, 9, seed, features), maxHops: 1 }),
  );
  fc.assert(fc.property(problems, anyObjective, checkAgainstAll), { numRuns: 200 });
  t.pass();
});

t.test('paths alone: every VM pinned', async (t) => {
  const problems = seeded(['absent', 'shared', 'relays', 'bounds', 'links', 'present']).map(
    ([seed, features]): Problem => {
      const problem = makeProblem(4, 4, 5, seed, features);
      return {
        ...problem,
        vms: problem.vms.map(({ name }, i) => ({ name, pinned: `h${Math.floor(seed / 4 ** i) % 4}` })),
      };
    },
  );
  fc.assert(fc.property(problems, anyObjective, checkAgainstAll), { numRuns: 60 });
  t.pass();
});

t.test('out of time, answer and bound enclose the best', async (t) => {
  fc.assert(
    fc.property(anyProblem(3, 3, 3), anyObjective, fc.nat(40), (problem, objective, ticks) => {
      const instance = compile(problem, COSTS);
      const { value } = bruteForce(instance, objective);
      // A clock that goes on by one each time it is looked at: time ends anywhere.
      let clock = 0;
      const answer = branchAndBound(instance, { ...options(objective, ticks), now: () => clock++ });
      if (!answer) return value === -Infinity;
      const found = evaluate(instance, objective, answer).value;
      return atLeast(value, found) && atLeast(answer.bound as number, value);
    }),
    { numRuns: 150 },
  );
  t.pass();
});

t.test('a start is never left for a worse one, and sought no further when it is proven', async (t) => {
  fc.assert(
    fc.property(anyProblem(3, 3, 3), anyObjective, (problem, objective) => {
      const instance = compile(problem, COSTS);
      const { value, best } = bruteForce(instance, objective);
      if (!best) return;
      const answer = branchAndBound(instance, { ...options(objective, 0), start: best });
      const found = answer ? evaluate(instance, objective, answer).value : -Infinity;
      if (!atLeast(found, value)) throw new Error(`${found} instead of ${value}`);
    }),
    { numRuns: 50 },
  );
  t.pass();
});

t.test('a problem without an answer', async (t) => {
  const problem: Problem = {
    hosts: [
      { name: 'a', memoryBytes: 1 },
      { name: 'b', memoryBytes: 1 },
    ],
    edges: [],
    vms: ['x', 'y', 'z'].map((name) => ({ name, memoryBytes: 1 })),
    flows: [],
  };
  t.equal(branchAndBound(compile(problem), options(OBJECTIVES.residual)), undefined);
  const nowhere = { ...problem, vms: [{ name: 'x', memoryBytes: 2 }] };
  t.equal(upperBound(compile(nowhere), OBJECTIVES.residual), -Infinity);
});

t.test('what cannot be bounded is said', async (t) => {
  const instance = compile({ hosts: [{ name: 'a' }], edges: [], vms: [{ name: 'x' }], flows: [] });
  const rewarded: Objective = { name: 'long ways', weights: { residual: 1, latency: -1 } };
  t.equal(upperBound(instance, rewarded), Infinity);
  t.throws(() => branchAndBound(instance, options(rewarded)), { code: 'VNET_ERR_UNSUPPORTED' });
});

t.test('the stored suite: answers are worth what they say, and no bound is below', async (t) => {
  const root = new URL('../../../test/instances/', import.meta.url);
  let proven = 0;
  for (const suite of ['small', 'medium']) {
    for (const file of readdirSync(new URL(`${suite}/`, root))) {
      const stored = parseInstance(readFileSync(new URL(`${suite}/${file}`, root), 'utf8'), file);
      const { instance, objective, best, bound } = stored;
      if (!best || !bound) throw new Error(`${file} lacks an answer or a bound`);
      const { value } = evaluate(instance, objective, placementOf(stored.problem, best));
      if (!atLeast(value, best.value) || !atLeast(best.value, value))
        t.fail(`${file}: ${value} for ${best.value}`);
      if (!atLeast(bound.value, value) || !atLeast(upperBound(instance, objective), value))
        t.fail(`${file}: a bound`);
      if (atLeast(value, bound.value)) proven++;
      else if (suite === 'small') t.fail(`${file} is not proven`);
    }
  }
  t.ok(proven >= 100, `${proven} proven`);
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
      if (Math.abs(found - value) > 1e-4 * Math.max(1, Math.abs(value)))
        throw new Error(`${found} for ${value}`);
      if (!atLeast(answer.bound as number, value)) throw new Error(`bound ${answer.bound} of ${value}`);
    }),
    { numRuns: 60 },
  );
  t.pass();
});
