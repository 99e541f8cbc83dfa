/** Routing against slow oracles: every simple path, and `evaluate` from the definition. */
import fc from 'fast-check';
import t from 'tap';
import { type Random, seededRandom } from '../../core/index.js';
import { compile } from '../model/compile.js';
import { edgesOf, evaluate, sharedOf } from '../model/evaluate.js';
import type { Instance } from '../model/instance.js';
import { type Objective, OBJECTIVES, weighted, weightsOf } from '../model/objective.js';
import {
  byDemand,
  CandidateRelays,
  EveryPath,
  hopsMax,
  OFF,
  type PathSearch,
  RelayPaths,
  RoutedFlows,
  ripUp,
  ripUpPairs,
  route,
  shortPaths,
  WidestPath,
} from './index.js';

const seeds = fc.integer({ min: 1, max: 1e9 });
const BOUNDED: Objective[] = [
  OBJECTIVES.residual,
  OBJECTIVES['single-hop'],
  OBJECTIVES.latency,
  OBJECTIVES.combined,
  weighted({ residual: 1, change: 1 }, 'with change'),
];

/** VMs are where they are; edges are missing, some capacities shared, some hosts no relays, some links there. */
function randomInstance(random: Random, hosts: number, { shared = true } = {}): Instance {
  const below = (count: number) => Math.floor(random() * count);
  const names = Array.from({ length: hosts }, (_, i) => `h${i}`);
  const edges = names
    .flatMap((from) => names.map((to) => ({ from, to })))
    .filter(({ from, to }) => from !== to && random() < 0.7)
    .map((edge) => ({ ...edge, bitsPerSecond: 1 + below(20) * 10, latencyUs: 1 + below(50) }));
  const some = () => edges.filter(() => random() < 0.4).map(({ from, to }) => [from, to] as const);
  const vms = Array.from({ length: hosts + 2 }, (_, i) => ({
    name: `v${i}`,
    pinned: names[below(hosts)] as string,
  }));
  const flows = Array.from({ length: 2 + below(7) }, () => {
    const from = below(vms.length);
    const to = (from + 1 + below(vms.length - 1)) % vms.length;
    const bound = random() < 0.4 ? { maxLatencyUs: 5 + below(100) } : {};
    return { from: `v${from}`, to: `v${to}`, bitsPerSecond: 1 + below(60), ...bound };
  });
  return compile({
    hosts: names.map((name) => ({ name, relays: random() < 0.8, localBitsPerSecond: 100 })),
    edges,
    vms,
    flows,
    ...(shared && random() < 0.5
      ? {
          shared: [
            { name: 's', bitsPerSecond: 50 + below(100), edges: some() },
            { name: 't', bitsPerSecond: 50 + below(100), edges: some() },
          ],
        }
      : {}),
    ...(random() < 0.3 ? { maxHops: 1 + below(3) } : {}),
    ...(random() < 0.5 ? { present: { mapping: {}, links: some() } } : {}),
  });
}

function everySimplePath(
  { hosts, bandwidth, relays, maxHops }: Instance,
  from: number,
  to: number,
): Int32Array[] {
  const found: Int32Array[] = [];
  const walk = (path: number[]): void => {
    const here = path[path.length - 1] as number;
    if (here === to) found.push(Int32Array.from(path));
    else if (path.length <= maxHops && (path.length === 1 || relays[here] === 1))
      for (let next = 0; next < hosts; next++)
        if (!path.includes(next) && (bandwidth[here * hosts + next] as number) > 0) walk([...path, next]);
  };
  walk([from]);
  return found;
}

const ends = ({ flowFrom, flowTo, pinned }: Instance, flow: number): [number, number] => [
  pinned[flowFrom[flow] as number] as number,
  pinned[flowTo[flow] as number] as number,
];

function routedAll(instance: Instance, objective: Objective): { routed: RoutedFlows; search: EveryPath } {
  const routed = new RoutedFlows(instance, weightsOf(objective), hopsMax(instance));
  const search = new EveryPath(routed);
  for (const flow of byDemand(instance.demand)) route(routed, search, instance.pinned, flow);
  return { routed, search };
}

function valueOf(routed: RoutedFlows, objective: Objective): number {
  const { instance } = routed;
  const paths = Array.from({ length: instance.flows }, (_, flow) => routed.pathOf(flow));
  return evaluate(instance, objective, { mapping: instance.pinned, paths }).value;
}

const near = (a: number, b: number) => Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(a));

t.test('what is kept up to date equals evaluate, whatever comes, goes and is undone', async (t) => {
  fc.assert(
    fc.property(seeds, fc.constantFrom(...BOUNDED, OBJECTIVES['tight-fit']), (seed, objective) => {
      const random = seededRandom(seed);
      const instance = randomInstance(random, 3 + Math.floor(random() * 4));
      const { routed } = routedAll(instance, objective);
      const reroute = () => {
        const flow = Math.floor(random() * instance.flows);
        const paths = everySimplePath(instance, ...ends(instance, flow));
        const path = paths[Math.floor(random() * paths.length)] ?? new Int32Array(0);
        routed.take(flow);
        routed.put(flow, path, path.length);
      };
      for (let step = 0; step < 30; step++) {
        const before = [routed.total, ...routed.left, ...routed.residual];
        const kept = random() < 0.5;
        routed.mark();
        reroute();
        routed.mark();
        reroute();
        if (random() < 0.5) routed.commit();
        else routed.rollback();
        reroute();
        if (kept) routed.commit();
        else routed.rollback();
        if (!kept && before.some((was, i) => was !== [routed.total, ...routed.left, ...routed.residual][i]))
          return false;
        if (!near(valueOf(routed, objective), routed.total)) return false;
      }
      routed.take(0);
      routed.settle();
      route(routed, new WidestPath(routed), instance.pinned, 0);
      return near(valueOf(routed, objective), routed.total);
    }),
    { numRuns: 150 },
  );
  t.pass();
});

t.test('the best of every path is the best of every path', async (t) => {
  fc.assert(
    fc.property(seeds, fc.constantFrom(...BOUNDED), (seed, objective) => {
      const random = seededRandom(seed);
      const instance = randomInstance(random, 3 + Math.floor(random() * 3));
      const { routed, search } = routedAll(instance, objective);
      const flow = Math.floor(random() * instance.flows);
      const values = everySimplePath(instance, ...ends(instance, flow)).map((path) => {
        routed.mark();
        routed.take(flow);
        routed.put(flow, path, path.length);
        const value = valueOf(routed, objective);
        routed.rollback();
        return value;
      });
      routed.take(flow);
      route(routed, search, instance.pinned, flow);
      return values.length === 0 ? routed.pathLength[flow] === 0 : near(routed.total, Math.max(...values));
    }),
    { numRuns: 300 },
  );
  t.pass();
});

/** Width, hops and latency of a path for a flow that is off; a shared capacity counts once. */
function measures(routed: RoutedFlows, path: Int32Array): { width: number; hops: number; latency: number } {
  const { instance } = routed;
  const edges = edgesOf(instance, path);
  const rooms = edges.flatMap((edge) => [
    routed.left[edge] as number,
    ...Array.from(sharedOf(instance, edge), (shared) => routed.left[instance.hosts ** 2 + shared] as number),
  ]);
  const latency = edges.reduce((sum, edge) => sum + (instance.latency[edge] as number), 0);
  return { width: Math.min(...rooms), hops: path.length - 1, latency };
}

t.test('the widest path: width, then hops, then latency, within the bound', async (t) => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const random = seededRandom(seed);
      const instance = randomInstance(random, 3 + Math.floor(random() * 4));
      const { routed } = routedAll(instance, OBJECTIVES.residual);
      const flow = Math.floor(random() * instance.flows);
      const [from, to] = ends(instance, flow);
      routed.take(flow);
      const search = new WidestPath(routed);
      const length = search.find(flow, from, to);
      const all = everySimplePath(instance, from, to).map((path) => measures(routed, path));
      if (all.length === 0 || from === to) return length === (from === to ? 1 : 0);
      const bound = instance.latencyBound[flow] as number;
      const within = all.filter(({ latency }) => latency <= bound);
      const [best] = (within.length > 0 ? within : all).sort((a, b) => {
        const byWidth = b.width - a.width || a.hops - b.hops || a.latency - b.latency;
        return within.length > 0 ? byWidth : a.latency - b.latency || a.hops - b.hops;
      });
      const found = measures(routed, search.path.slice(0, length));
      return within.length > 0
        ? found.width === best?.width && found.hops === best.hops && found.latency === best.latency
        : found.latency === best?.latency;
    }),
    { numRuns: 500 },
  );
  t.pass();
});

t.test('relays of a larger network: a path that is one, and no worse than the direct one', async (t) => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const random = seededRandom(seed);
      const instance = randomInstance(random, 12);
      const routed = new RoutedFlows(instance, weightsOf(OBJECTIVES.residual), hopsMax(instance));
      const search: PathSearch = new RelayPaths(routed, new CandidateRelays(instance));
      for (const flow of byDemand(instance.demand)) {
        const [from, to] = ends(instance, flow);
        routed.mark();
        const direct = from !== to && (instance.bandwidth[from * instance.hosts + to] as number) > 0;
        if (direct) routed.put(flow, [from, to], 2);
        const value = direct ? routed.total : -Infinity;
        routed.rollback();
        route(routed, search, instance.pinned, flow);
        if (routed.total < value) return false;
      }
      return near(valueOf(routed, OBJECTIVES.residual), routed.total);
    }),
    { numRuns: 100 },
  );
  t.pass();
});

t.test('rip-up never loses, and gains where the first order was wrong', async (t) => {
  fc.assert(
    fc.property(seeds, fc.constantFrom(...BOUNDED), (seed, objective) => {
      const instance = randomInstance(seededRandom(seed), 5);
      const { routed, search } = routedAll(instance, objective);
      const work = { routed, search, mapping: instance.pinned, over: () => false };
      const order = byDemand(instance.demand);
      const before = routed.total;
      ripUp(work, order);
      const between = routed.total;
      ripUpPairs(work, order);
      return between >= before && routed.total >= between && near(valueOf(routed, objective), routed.total);
    }),
    { numRuns: 100 },
  );
  t.pass();
});

t.test('short paths: the direct one first, then by width, none twice', async (t) => {
  const instance = randomInstance(seededRandom(5), 6, { shared: false });
  const { pairStart, width, hops, hosts, hostsStart } = shortPaths(instance, weightsOf(OBJECTIVES.residual));
  for (let from = 0; from < 6; from++) {
    for (let to = 0; to < 6; to++) {
      const pair = from * 6 + to;
      const numbers = Array.from(width.keys()).slice(pairStart[pair], pairStart[pair + 1]);
      const reached = everySimplePath(instance, from, to).length > 0;
      t.equal(numbers.length > 0, reached, 'a path where there is one');
      const relayed = numbers
        .filter((path) => (hops[path] as number) > 1)
        .map((path) => width[path] as number);
      t.same(
        relayed,
        [...relayed].sort((a, b) => b - a),
      );
      const texts = numbers.map((path) => {
        const start = hostsStart[path] as number;
        return hosts.slice(start, start + 1 + (hops[path] as number)).join();
      });
      t.equal(new Set(texts).size, texts.length);
      if ((instance.bandwidth[pair] as number) > 0)
        t.equal(texts[0], from === to ? `${from}` : `${from},${to}`);
    }
  }
});

t.test('a flow that is off adds nothing, one without a path its penalty', async (t) => {
  const instance = compile({
    hosts: [{ name: 'a' }, { name: 'b' }],
    edges: [],
    vms: [
      { name: 'x', pinned: 'a' },
      { name: 'y', pinned: 'b' },
    ],
    flows: [{ from: 'x', to: 'y', bitsPerSecond: 7 }],
  });
  const { routed } = routedAll(instance, OBJECTIVES.residual);
  t.equal(routed.pathLength[0], 0);
  t.equal(routed.total, valueOf(routed, OBJECTIVES.residual));
  routed.take(0);
  t.equal(routed.pathLength[0], OFF);
  t.equal(routed.total, 0);
});
