import fc from 'fast-check';
import t from 'tap';
import { compile } from '../model/compile.js';
import { edgesOf, sharedOf } from '../model/evaluate.js';
import type { Instance } from '../model/instance.js';
import { maxMinRates } from './max-min.js';

const TOLERANCE = 1e-9;

/** Complete graph; `bits`: by edge, the diagonal local. */
function network(
  hosts: number,
  bits: (from: number, to: number) => number,
  shared: [number, number[]][] = [],
): Instance {
  const name = (host: number) => `h${host}`;
  const cells = Array.from({ length: hosts * hosts }, (_, i) => bits(Math.floor(i / hosts), i % hosts));
  return compile({
    hosts: Array.from({ length: hosts }, (_, i) => ({ name: name(i), localBitsPerSecond: bits(i, i) })),
    edges: { bitsPerSecond: cells, latencyUs: cells.map(() => 1) },
    vms: [],
    flows: [],
    shared: shared.map(([capacity, edges], i) => ({
      name: `s${i}`,
      bitsPerSecond: capacity,
      edges: edges.map((e) => [name(Math.floor(e / hosts)), name(e % hosts)] as const),
    })),
  });
}

const paths = (...lists: number[][]) => lists.map((list) => Int32Array.from(list));

/** The definition, a capacity at a time and nothing kept: raise all that grow to the least level, fix who stopped. */
function slowRates(instance: Instance, routes: Int32Array[], caps: number[]): number[] {
  const { hosts } = instance;
  const crossed = routes.map((path) =>
    edgesOf(instance, path).flatMap((e) => [e, ...Array.from(sharedOf(instance, e), (g) => hosts ** 2 + g)]),
  );
  const room = (key: number) =>
    key < hosts ** 2 ? instance.bandwidth[key] : instance.sharedCapacity[key - hosts ** 2];
  const rates = routes.map(() => 0);
  const growing = new Set(routes.flatMap((path, flow) => (path.length > 0 ? [flow] : [])));
  while (growing.size > 0) {
    const keys = new Set([...growing].flatMap((flow) => crossed[flow] as number[]));
    let level = Math.min(...[...growing].map((flow) => caps[flow] as number));
    const levelOf = (key: number) => {
      let [left, times] = [room(key) as number, 0];
      for (const [flow, list] of crossed.entries()) {
        const crossings = list.filter((other) => other === key).length;
        if (growing.has(flow)) times += crossings;
        else left -= crossings * (rates[flow] as number);
      }
      return Math.max(0, left) / times;
    };
    const levels = new Map([...keys].map((key) => [key, levelOf(key)]));
    level = Math.min(level, ...levels.values());
    const slack = level * (1 + TOLERANCE) + TOLERANCE;
    for (const flow of [...growing]) {
      rates[flow] = level;
      const stopped = (crossed[flow] as number[]).some((key) => (levels.get(key) as number) <= slack);
      if (stopped || (caps[flow] as number) <= slack) growing.delete(flow);
    }
  }
  return rates;
}

t.test('the book: three flows, a long one over two edges', async (t) => {
  const line = network(3, (from, to) => (from === 0 && to === 1 ? 10 : 30));
  const { bitsPerSecond, bottleneck } = maxMinRates(line, paths([0, 1, 2], [0, 1], [1, 2], []));
  t.same([...bitsPerSecond], [5, 5, 25, 0]);
  t.same([...bottleneck], [1, 1, 5, -1]);
});

t.test('caps leave more to the others', async (t) => {
  const edge = network(2, () => 12);
  const routes = paths([0, 1], [0, 1], [0, 1]);
  t.same([...maxMinRates(edge, routes, [1, Infinity, 5]).bitsPerSecond], [1, 6, 5]);
  t.same([...maxMinRates(edge, routes, [0, 0, 100]).bottleneck], [-1, -1, 1]);
  t.same([...maxMinRates(edge, routes, [4, 4, 4]).bitsPerSecond], [4, 4, 4], 'all at once');
});

t.test('within a host, a shared capacity crossed twice, a capacity of nothing', async (t) => {
  const one = network(3, (from, to) => (from === to ? 8 : 100), [[9, [1, 5]]]);
  t.same([...maxMinRates(one, paths([0], [0], [1])).bitsPerSecond], [4, 4, 8]);
  const { bitsPerSecond, bottleneck } = maxMinRates(one, paths([0, 1, 2], [0, 1]));
  t.same([...bitsPerSecond], [3, 3], '2 x + x = 9');
  t.same([...bottleneck], [9, 9], 'hosts squared + 0');
  t.same(
    [
      ...maxMinRates(
        network(2, (from, to) => (from === to ? 0 : 1)),
        paths([0], [0, 1]),
      ).bitsPerSecond,
    ],
    [0, 1],
  );
});

const drawn = fc.integer({ min: 2, max: 6 }).chain((hosts) =>
  fc.record({
    hosts: fc.constant(hosts),
    bits: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: hosts * hosts, maxLength: hosts * hosts }),
    shared: fc.array(
      fc.tuple(
        fc.integer({ min: 1, max: 60 }),
        fc.array(
          fc.nat(hosts * hosts - 1).filter((e) => e % (hosts + 1) !== 0),
          { maxLength: 10 },
        ),
      ),
      { maxLength: 3 },
    ),
    routes: fc.array(fc.uniqueArray(fc.nat(hosts - 1), { maxLength: hosts }), { maxLength: 14 }),
    caps: fc.array(fc.oneof(fc.constant(Infinity), fc.integer({ min: 0, max: 20 })), {
      minLength: 14,
      maxLength: 14,
    }),
  }),
);

t.test('as the slow oracle', async () => {
  fc.assert(
    fc.property(drawn, ({ hosts, bits, shared, routes, caps }) => {
      const instance = network(hosts, (from, to) => bits[from * hosts + to] as number, shared);
      const lists = paths(...routes);
      const fast = maxMinRates(instance, lists, caps).bitsPerSecond;
      const slow = slowRates(instance, lists, caps);
      for (const [flow, rate] of slow.entries())
        if (Math.abs((fast[flow] as number) - rate) > 1e-6 * Math.max(1, rate))
          throw new Error(`flow ${flow}: ${fast[flow]}, should be ${rate}`);
    }),
    { numRuns: 400 },
  );
});

t.test(
  'each flow has its cap, or a full capacity on which nobody has more (the characterisation of 6.5.2)',
  async () => {
    fc.assert(
      fc.property(drawn, ({ hosts, bits, shared, routes, caps }) => {
        const instance = network(hosts, (from, to) => bits[from * hosts + to] as number, shared);
        const lists = paths(...routes);
        const { bitsPerSecond: rates, bottleneck } = maxMinRates(instance, lists, caps);
        const used = new Map<number, number>();
        const most = new Map<number, number>();
        for (const [flow, path] of lists.entries()) {
          for (const edge of edgesOf(instance, path))
            for (const key of [edge, ...Array.from(sharedOf(instance, edge), (g) => hosts ** 2 + g)]) {
              used.set(key, (used.get(key) ?? 0) + (rates[flow] as number));
              most.set(key, Math.max(most.get(key) ?? 0, rates[flow] as number));
            }
        }
        const room = (key: number) =>
          (key < hosts ** 2 ? instance.bandwidth[key] : instance.sharedCapacity[key - hosts ** 2]) as number;
        for (const [key, total] of used)
          if (total > room(key) + 1e-6) throw new Error(`${key} carries ${total}`);
        for (const [flow, path] of lists.entries()) {
          if (path.length === 0) continue;
          const at = bottleneck[flow] as number;
          if (at === -1) {
            if (rates[flow] !== caps[flow]) throw new Error(`flow ${flow} has ${rates[flow]}, not its cap`);
          } else if (
            room(at) - (used.get(at) as number) > 1e-6 ||
            (most.get(at) as number) > (rates[flow] as number) + 1e-6
          )
            throw new Error(`flow ${flow} could have more than ${rates[flow]}`);
        }
      }),
      { numRuns: 400 },
    );
  },
);
