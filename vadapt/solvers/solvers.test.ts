/** Every solver on made-up instances with all features: valid, never below its start, the same for the same seed. */
import fc from 'fast-check';
import t from 'tap';
import { seededRandom } from '../../core/index.js';
import { FAMILIES, type Family, generateInstance } from '../instances/index.js';
import { compile } from '../model/compile.js';
import { evaluate, whyInvalid, whyMappingInvalid } from '../model/evaluate.js';
import type { Instance } from '../model/instance.js';
import { type Objective, OBJECTIVES } from '../model/objective.js';
import type { Placement, Problem } from '../model/problem.js';
import type { SolveOptions, Solver } from '../model/solver.js';
import { adaptTopology, Redecider, redecide, SOLVERS } from './index.js';
import { Arrangement } from './arrangement.js';
import { firstMapping } from './first-mapping.js';
import { randomMove } from './moves.js';
import { Places } from './places.js';
import { QuickLook } from './quick-look.js';

const M = 1e6;
const { residual } = OBJECTIVES;
const families = Object.keys(FAMILIES) as Family[];
const seeds = fc.integer({ min: 1, max: 1e6 });
const named = (name: string) => SOLVERS.find((solver) => solver.name === name) as Solver;

/** A clock that goes on by looking at it: the same number of steps on every machine. */
function options(objective: Objective, seed: number, looks = 100): SolveOptions {
  let looked = 0;
  return { objective, budgetMs: looks, now: () => looked++, random: seededRandom(seed) };
}

function made(
  family: Family,
  seed: number,
  hosts = 2 + (seed % 5),
  vms = 2 + (seed % 6),
): [Instance, Objective] {
  const { problem, objective } = generateInstance(family, { hosts, vms, flows: 10, seed });
  return [compile(problem), objective];
}

const value = (instance: Instance, objective: Objective, placement: Placement) =>
  evaluate(instance, objective, placement).value;

t.test('every solver: valid, never below the start, the same for the same seed', async (t) => {
  for (const solver of SOLVERS) {
    fc.assert(
      fc.property(fc.constantFrom(...families), seeds, (family, seed) => {
        const [instance, objective] = made(family, seed);
        const answer = solver.solve(instance, options(objective, seed));
        if (!answer) return firstMapping(new Places(instance, 0), seededRandom(1)) === undefined;
        const same = solver.solve(instance, options(objective, seed));
        const next = solver.solve(instance, { ...options(objective, seed + 1, 30), start: answer });
        if (!next || whyInvalid(instance, answer) !== undefined || whyInvalid(instance, next) !== undefined)
          return false;
        const [first, second] = [value(instance, objective, answer), value(instance, objective, next)];
        return (
          second >= first - 1e-9 * Math.abs(first) &&
          String([...answer.mapping, answer.paths.join(';')]) ===
            String([...(same?.mapping ?? []), same?.paths.join(';')])
        );
      }),
      { numRuns: 12 },
    );
    t.pass(solver.name);
  }
});

/** Every mapping and every simple path of every flow. */
function bruteForce(instance: Instance, objective: Objective): number {
  const { hosts, vms, flows, bandwidth, relays, maxHops, flowFrom, flowTo } = instance;
  const mapping = new Int32Array(vms);
  const paths: Int32Array[] = Array.from({ length: flows }, () => new Int32Array(0));
  let best = -Infinity;
  const walk = (path: number[], to: number, found: Int32Array[]): Int32Array[] => {
    const here = path[path.length - 1] as number;
    if (here === to) found.push(Int32Array.from(path));
    else if (path.length <= maxHops && (path.length === 1 || relays[here] === 1))
      for (let next = 0; next < hosts; next++)
        if (!path.includes(next) && (bandwidth[here * hosts + next] as number) > 0)
          walk([...path, next], to, found);
    return found;
  };
  const route = (flow: number): void => {
    if (flow === flows) {
      best = Math.max(best, value(instance, objective, { mapping, paths }));
      return;
    }
    const from = mapping[flowFrom[flow] as number] as number;
    const all = walk([from], mapping[flowTo[flow] as number] as number, []);
    for (const path of all.length > 0 ? all : [new Int32Array(0)]) {
      paths[flow] = path;
      route(flow + 1);
    }
  };
  const place = (vm: number): void => {
    if (vm === vms) {
      if (whyMappingInvalid(instance, mapping) === undefined) route(0);
      return;
    }
    for (let host = 0; host < hosts; host++) {
      mapping[vm] = host;
      place(vm + 1);
    }
  };
  place(0);
  return best;
}

t.test('annealing finds the optimum of what is small enough to look at whole', async (t) => {
  for (const family of families) {
    for (const seed of [1, 2]) {
      const { problem, objective } = generateInstance(family, { hosts: 3, vms: 3, flows: 4, seed });
      const instance = compile(problem);
      const best = bruteForce(instance, objective);
      const answer = named('annealing').solve(instance, options(objective, seed, 300));
      const found = answer ? value(instance, objective, answer) : -Infinity;
      t.ok(found >= best - 1e-9 * Math.abs(best), `${family} ${seed}: ${found} of ${best}`);
    }
  }
});

t.test('all objectives, weighted ones too', async (t) => {
  const all = [
    ...Object.values(OBJECTIVES),
    { name: 'mine', weights: { residual: 1, change: 2, latency: 1e-3 } },
  ];
  for (const objective of all) {
    const [instance] = made('change', 4, 4, 5);
    const values = ['random', 'greedy', 'annealing'].map((name) => {
      const answer = named(name).solve(instance, options(objective, 3, 200));
      return answer ? value(instance, objective, answer) : Number.NaN;
    });
    t.ok(Math.max(...values) === values[2], `${objective.name}: ${values}`);
  }
});

t.test('what a search keeps up to date equals evaluate', async (t) => {
  fc.assert(
    fc.property(fc.constantFrom(...families), seeds, (family, seed) => {
      const [instance, objective] = made(family, seed, 5, 6);
      const random = seededRandom(seed);
      const arrangement = new Arrangement(instance, objective);
      const mapping = firstMapping(arrangement.places, random);
      if (!mapping) return true;
      mapping.forEach((host, unit) => arrangement.drop(unit, host));
      arrangement.settleAll();
      for (let step = 0; step < 40; step++) {
        arrangement.mark();
        if (randomMove(arrangement, random) && random() < 0.5) arrangement.commit();
        else arrangement.rollback();
        const real = value(instance, objective, arrangement.placement());
        if (Math.abs(real - arrangement.value) > 1e-6 * Math.max(1, Math.abs(real))) return false;
      }
      const saved = arrangement.save();
      arrangement.clear();
      arrangement.load(saved);
      return Math.abs(saved.value - arrangement.value) <= 1e-6 * Math.max(1, Math.abs(saved.value));
    }),
    { numRuns: 60 },
  );
  t.pass();
});

t.test('a quick look is worth what its paths are', async (t) => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const [instance, objective] = made('uplinks', seed, 5, 6);
    const quick = new QuickLook(instance, objective);
    quick.begin(firstMapping(quick.places, seededRandom(seed)) as Int32Array);
    const paths = Array.from({ length: instance.flows }, (_, flow) => Int32Array.from(quick.pathOf(flow)));
    const real = value(instance, objective, { mapping: quick.places.mapping, paths });
    t.ok(Math.abs(real - quick.value) <= 1e-6 * Math.abs(real));
  }
});

t.test('no host for a VM: no answer, and not a wrong one', async (t) => {
  const base = {
    hosts: [{ name: 'a', memoryBytes: 10 }],
    edges: [],
    vms: [
      { name: 'x', memoryBytes: 6 },
      { name: 'y', memoryBytes: 6 },
    ],
    flows: [],
  };
  const torn = {
    ...base,
    hosts: [{ name: 'a' }, { name: 'b' }],
    apart: [['x', 'y']],
    together: [['x', 'y']],
  };
  for (const problem of [base, torn])
    for (const solver of SOLVERS)
      t.equal(solver.solve(compile(problem), options(residual, 1)), undefined, solver.name);
});

t.test('what packs in one way only is packed', async (t) => {
  const sizes = [5, 4, 3, 3, 3, 3, 3];
  const problem: Problem = {
    hosts: ['a', 'b'].map((name) => ({ name, memoryBytes: 12 })),
    edges: [],
    vms: sizes.map((memoryBytes, i) => ({ name: `v${i}`, memoryBytes })),
    flows: [],
  };
  for (const solver of SOLVERS) t.ok(solver.solve(compile(problem), options(residual, 2)), solver.name);
});

/** Three hosts in a triangle, 100, 50 and 10 Mbit/s, one VM a host. */
const TRIANGLE: Problem = {
  hosts: ['a', 'b', 'c'].map((name) => ({ name, cpus: 1 })),
  edges: [
    { from: 'a', to: 'b', bitsPerSecond: 10 * M },
    { from: 'b', to: 'c', bitsPerSecond: 100 * M },
    { from: 'a', to: 'c', bitsPerSecond: 50 * M },
  ].flatMap(({ from, to, bitsPerSecond }) => [
    { from, to, bitsPerSecond, latencyUs: 1000 },
    { from: to, to: from, bitsPerSecond, latencyUs: 1000 },
  ]),
  vms: ['x', 'y', 'z'].map((name) => ({ name, cpus: 1 })),
  flows: [
    { from: 'x', to: 'y', bitsPerSecond: 2 * M },
    { from: 'y', to: 'z', bitsPerSecond: 5 * M },
    { from: 'z', to: 'y', bitsPerSecond: 4 * M },
  ],
};

t.test(
  'MapVM by hand: the pair that talks most on the widest edge, the straggler beside its peer',
  async (t) => {
    const answer = named('map-vm').solve(compile(TRIANGLE), options(residual, 1));
    // y and z come to b and c; x talks to y, which is on b, and a is what is left.
    t.same([...(answer?.mapping ?? [])], [0, 1, 2]);
    t.same(
      answer?.paths.map((path) => [...path]),
      [
        [0, 1],
        [1, 2],
        [2, 1],
      ],
      'each flow over its own link',
    );
  },
);

t.test('AdaptTopology: the most wanted link first, within the cost', async (t) => {
  const instance = compile(TRIANGLE);
  const links = adaptTopology(instance, [0, 1, 2]);
  t.same(links, [
    { a: 1, b: 2, bitsPerSecond: 9 * M },
    { a: 0, b: 1, bitsPerSecond: 2 * M },
  ]);
  t.same(adaptTopology(instance, [0, 1, 2], { links: 1 }), links.slice(0, 1));
  t.same(adaptTopology(instance, [0, 1, 2], { linksPerHost: 1 }), links.slice(0, 1), 'b has one already');
  t.same(adaptTopology(instance, [0, 1, 1]), [{ a: 0, b: 1, bitsPerSecond: 2 * M }], 'none within a host');
});

t.test('deciding again: an edge breaks, a flow grows, a VM is new', async (t) => {
  const { problem, objective } = generateInstance('mesh', { hosts: 8, vms: 8, flows: 20, seed: 7 });
  const instance = compile(problem);
  const before = named('annealing').solve(instance, options(objective, 1, 300)) as Placement;
  const used = before.paths.find((path) => path.length > 1) as Int32Array;
  const [from, to] = [used[0] as number, used[1] as number];
  const bandwidth = Float64Array.from(instance.bandwidth);
  bandwidth[from * instance.hosts + to] = 0;
  const broken = { ...instance, bandwidth };
  const rerouted = redecide(broken, before, { hosts: [from, to] }, options(objective, 1)) as Placement;
  t.equal(whyInvalid(broken, rerouted), undefined);
  const demand = Float64Array.from(instance.demand);
  demand[3] = 10 * (demand[3] as number);
  const grown = { ...instance, demand };
  const after = redecide(grown, before, { flows: [3] }, options(objective, 1)) as Placement;
  t.ok(value(grown, objective, after) >= value(grown, objective, before));
  const without = { mapping: Int32Array.from(before.mapping), paths: before.paths.map((path) => path) };
  without.mapping[2] = -1;
  const placed = redecide(instance, without, { vms: [2] }, options(objective, 1)) as Placement;
  t.equal(whyInvalid(instance, placed), undefined);
});

t.test('many hosts: large and auto are valid, better than random, and go on from a start', async (t) => {
  const { problem, objective } = generateInstance('sites', { hosts: 150, vms: 150, flows: 700, seed: 3 });
  const instance = compile(problem);
  const [random, large, auto] = ['random', 'large', 'auto'].map((name) => {
    const answer = named(name).solve(instance, options(objective, 1, 400)) as Placement;
    t.equal(whyInvalid(instance, answer), undefined, name);
    return answer;
  }) as [Placement, Placement, Placement];
  t.ok(value(instance, objective, large) > value(instance, objective, random));
  t.same(auto.mapping, large.mapping);
  const again = named('large').solve(instance, { ...options(objective, 2, 50), start: large }) as Placement;
  t.ok(value(instance, objective, again) >= value(instance, objective, large) * (1 - 1e-9));
});

t.test('a redecider: one change after the other, from the state that it keeps', async (t) => {
  for (const family of ['mesh', 'sites', 'firewalls'] as const) {
    const { problem, objective } = generateInstance(family, { hosts: 140, vms: 140, flows: 300, seed: 3 });
    const first = compile(problem);
    const before = named('greedy').solve(first, options(objective, 1, 1e6)) as Placement;
    const redecider = new Redecider(objective, before);
    redecider.prepare(first, seededRandom(1));
    let [instance, last] = [first, before];
    const decide = (next: Instance, touched: Parameters<typeof redecide>[2], looks: number) => {
      instance = next;
      last = redecider.decide(next, touched, options(objective, 1, looks)) as Placement;
      t.equal(whyInvalid(next, last), undefined, `${family}: ${Object.keys(touched)}`);
    };
    const demand = Float64Array.from(first.demand);
    demand[3] = 10 * (demand[3] as number);
    decide({ ...first, demand }, { flows: [3] }, 200);
    t.ok(value(instance, objective, last) >= value(instance, objective, before) * (1 - 1e-9));
    for (const looks of [0, 200]) {
      const used = last.paths.find((path) => path.length > 1) as Int32Array;
      const [from, to] = [used[0] as number, used[1] as number];
      const bandwidth = Float64Array.from(instance.bandwidth);
      bandwidth[from * instance.hosts + to] = 0;
      decide({ ...instance, bandwidth }, { hosts: [from, to] }, looks);
    }
    const settled = value(instance, objective, last);
    decide(instance, {}, 50);
    t.ok(value(instance, objective, last) >= settled - 1e-9 * Math.abs(settled), 'never worse by itself');
    const pinned = Uint8Array.from(instance.allowed).fill(0, 0, instance.hosts);
    pinned[7] = 1;
    decide({ ...instance, allowed: pinned }, { vms: [0] }, 50);
    t.equal(last.mapping[0], 7);
  }
});

t.test('no time at all: valid answers, over 150 hops too', async (t) => {
  const hosts = Array.from({ length: 200 }, (_, i) => ({ name: `h${i}`, memoryBytes: 1 }));
  const edges = hosts.slice(1).flatMap(({ name }, i) => [
    { from: `h${i}`, to: name, bitsPerSecond: 100 * M, latencyUs: 100 },
    { from: name, to: `h${i}`, bitsPerSecond: 100 * M, latencyUs: 100 },
  ]);
  const vms = hosts.map((_, i) => ({ name: `v${i}`, memoryBytes: 1, pinned: `h${i}` }));
  const flows = [0, 20, 40].map((i) => ({ from: `v${i}`, to: `v${199 - i}`, bitsPerSecond: M }));
  const line = compile({ hosts, edges, vms, flows });
  const crowded = compile(generateInstance('sites', { hosts: 150, vms: 150, flows: 700, seed: 3 }).problem);
  for (const name of ['large', 'auto', 'greedy', 'random', 'map-vm'])
    for (const [instance, looks] of [
      [line, 0],
      [line, 1000],
      [crowded, 0],
    ] as const) {
      const answer = named(name).solve(instance, options(residual, 1, looks)) as Placement;
      t.equal(whyInvalid(instance, answer), undefined, name);
    }
});
