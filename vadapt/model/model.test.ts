import fc from 'fast-check';
import t from 'tap';
import { compile } from './compile.js';
import { DEFAULT_COSTS, LINK_SETUP_BITS, moveCost, ROUNDS_MAX } from './cost-of-change.js';
import { edgesOf, evaluate, sharedOf, whyInvalid } from './evaluate.js';
import { NEAR_US, OBJECTIVES, objectiveNamed, weighted } from './objective.js';
import {
  type EdgeCapacity,
  LOCAL_BITS_PER_SECOND,
  NO_PATH,
  OVERLOAD,
  type Placement,
  type Problem,
} from './problem.js';
import { rpvee } from './rpvee.js';

const M = 1e6;
const { residual } = OBJECTIVES;

/** a - b - c in a row, both directions: 100 and 10 Mbit/s, 1 and 20 ms. */
const ROW: Problem = {
  hosts: ['a', 'b', 'c'].map((name) => ({ name })),
  edges: [
    { from: 'a', to: 'b', bitsPerSecond: 100 * M, latencyUs: 1000 },
    { from: 'b', to: 'a', bitsPerSecond: 100 * M, latencyUs: 1000 },
    { from: 'b', to: 'c', bitsPerSecond: 10 * M, latencyUs: 20_000 },
    { from: 'c', to: 'b', bitsPerSecond: 10 * M, latencyUs: 20_000 },
  ],
  vms: [{ name: 'x' }, { name: 'y' }, { name: 'z' }],
  flows: [
    { from: 'x', to: 'y', bitsPerSecond: 4 * M },
    { from: 'y', to: 'z', bitsPerSecond: 1 * M },
  ],
};

function placed(mapping: number[], ...paths: number[][]): Placement {
  return { mapping: Int32Array.from(mapping), paths: paths.map((path) => Int32Array.from(path)) };
}

t.test('residual bandwidth of the narrowest part, by hand', async (t) => {
  const instance = compile(ROW);
  const score = evaluate(instance, residual, placed([0, 1, 2], [0, 1], [1, 2]));
  t.equal(score.value, 96 * M + 9 * M);
  t.same([...score.latencyUs], [1000, 20_000]);
  t.same([...score.hops], [1, 1]);
  const relayed = evaluate(instance, residual, placed([0, 2, 0], [0, 1, 2], [2, 1, 0]));
  t.same([...relayed.residual], [6 * M, 9 * M], 'one flow each way: a direction is an edge of its own');
  const both = evaluate(compile({ ...ROW, flows: [ROW.flows[0], ROW.flows[0]] as never }), residual, {
    ...placed([0, 2, 1], [0, 1, 2], [0, 1, 2]),
  });
  t.equal(both.value, 2 * 2 * M, 'two on an edge: each leaves the other less');
});

t.test('a flow within a host takes the local capacity', async (t) => {
  const placement = placed([0, 0, 0], [0], [0]);
  t.equal(evaluate(compile(ROW), residual, placement).value, 2 * (LOCAL_BITS_PER_SECOND - 5 * M));
  const narrow = { ...ROW, hosts: [{ name: 'a', localBitsPerSecond: 3 * M }, { name: 'b' }, { name: 'c' }] };
  const score = evaluate(compile(narrow), residual, placement);
  t.same([...score.residual], [-2 * M, -2 * M]);
  t.equal(score.value, -2 * OVERLOAD * 2 * M);
  t.same([...score.hops], [0, 0]);
});

t.test('demand beyond a capacity counts OVERLOAD times', async (t) => {
  const busy = { ...ROW, flows: [{ from: 'x', to: 'y', bitsPerSecond: 13 * M }] };
  t.equal(evaluate(compile(busy), residual, placed([1, 2, 0], [1, 2])).value, -OVERLOAD * 3 * M);
});

t.test('several edges share a capacity; who crosses twice takes it twice', async (t) => {
  const uplink: [string, string][] = [
    ['a', 'b'],
    ['b', 'c'],
    ['b', 'c'],
  ];
  const instance = compile({
    ...ROW,
    shared: [{ name: 'uplink of b', bitsPerSecond: 7 * M, edges: uplink }],
  });
  const apart = evaluate(instance, residual, placed([0, 1, 2], [0, 1], [1, 2]));
  t.same([...apart.residual], [2 * M, 2 * M], '7 - 4 - 1');
  const twice = evaluate(instance, residual, placed([0, 2, 0], [0, 1, 2], [2, 1, 0]));
  t.same([...twice.residual], [-1 * M, 9 * M], '7 - 2 x 4; the way back is not in it');
  t.same([...sharedOf(instance, 1)], [0]);
  t.same([...sharedOf(instance, 3)], [], 'the other direction');
});

t.test('latency bounds', async (t) => {
  const bounded = { ...ROW, flows: [{ from: 'x', to: 'y', bitsPerSecond: 4 * M, maxLatencyUs: 14_000 }] };
  const value = evaluate(compile(bounded), residual, placed([0, 2, 0], [0, 1, 2])).value;
  t.equal(value, 6 * M - OVERLOAD * 4 * M * (21_000 / 14_000 - 1));
  t.equal(evaluate(compile(bounded), residual, placed([0, 1, 0], [0, 1])).value, 96 * M, 'kept: nothing');
});

t.test('objectives', async (t) => {
  const instance = compile({ ...ROW, flows: [{ from: 'x', to: 'y', bitsPerSecond: 4 * M }] });
  const relayed = placed([0, 2, 0], [0, 1, 2]);
  const worth = (name: string) => evaluate(instance, objectiveNamed(name), relayed).value;
  t.equal(worth('residual'), 6 * M);
  t.equal(worth('single-hop'), 6 * M - OVERLOAD * 4 * M);
  t.equal(worth('tight-fit'), -6 * M);
  t.equal(worth('latency'), -1e-3 * 4 * M * 21_000);
  t.equal(worth('combined'), 6 * M + (10e6 * (1000 + NEAR_US)) / (21_000 + NEAR_US));
  t.equal(
    evaluate(instance, weighted({ residual: 2, latency: 1e-4 }), relayed).value,
    12 * M - 1e-4 * 4 * M * 21_000,
  );
  t.equal(
    evaluate(instance, objectiveNamed('single-hop'), placed([0, 1, 0], [0, 1])).value,
    96 * M,
    'one hop is free',
  );
  t.throws(() => objectiveNamed('speed'), { code: 'VNET_ERR_INVALID', hint: /residual, single-hop/ });
  t.throws(() => weighted({ speed: 1 }), /no weight speed/);
  t.throws(() => weighted({ residual: -1 }), /cannot be -1/);
});

t.test('a flow is without a path only where none is', async (t) => {
  const cut = { ...ROW, edges: (ROW.edges as EdgeCapacity[]).slice(0, 2) };
  const instance = compile(cut);
  const score = evaluate(instance, residual, placed([0, 1, 2], [0, 1], []));
  t.equal(score.value, 96 * M - NO_PATH * 1 * M);
  t.same([score.hops[1], score.latencyUs[1], score.residual[1]], [-1, Infinity, -1 * M]);
  t.match(
    whyInvalid(instance, placed([0, 1, 2], [], [])),
    /flow 0 \(x to y\) is missing, though there is one/,
  );
  const twoHops = placed([0, 2, 2], [], [2]);
  t.match(whyInvalid(compile(ROW), twoHops), /is missing/, 'over a relay');
  t.equal(whyInvalid(compile({ ...ROW, maxHops: 1 }), twoHops), undefined);
  const still = { ...ROW, hosts: [{ name: 'a' }, { name: 'b', relays: false }, { name: 'c' }] };
  t.equal(whyInvalid(compile(still), twoHops), undefined);
});

t.test('missing CPUs: forbidden, or at a price', async (t) => {
  const tight = {
    ...ROW,
    hosts: [{ name: 'a', cpus: 2 }, { name: 'b' }, { name: 'c' }],
    vms: [{ name: 'x', cpus: 1 }, { name: 'y', cpus: 1.5 }, { name: 'z' }],
  };
  const crowded = placed([0, 0, 0], [0], [0]);
  t.match(whyInvalid(compile(tight), crowded), /CPUs of a host/);
  t.throws(() => evaluate(compile(tight), residual, crowded), { code: 'VNET_ERR_INVALID' });
  const priced = evaluate(compile({ ...tight, missingCpuBitsPerSecond: 1000 * M }), residual, crowded);
  t.ok(Math.abs(priced.missingCpus - 0.5) < 1e-6);
  t.ok(Math.abs(priced.value - (2 * (LOCAL_BITS_PER_SECOND - 5 * M) - 500 * M)) < 10);
});

t.test('cost of change: VMs that move, links that are not there', async (t) => {
  const vms = [{ name: 'x', memoryBytes: 512 * 2 ** 20 }, { name: 'y' }, { name: 'z' }];
  const present = { mapping: { x: 'c', y: 'b' }, links: [['a', 'b']] as [string, string][] };
  const instance = compile({ ...ROW, vms, present });
  const score = evaluate(instance, weighted({ residual: 1, change: 2 }), placed([0, 1, 2], [0, 1], [1, 2]));
  const moved = (8 * 512 * 2 ** 20 + 4 * M * DEFAULT_COSTS.stopSeconds) / DEFAULT_COSTS.horizonSeconds;
  const expected = moved + LINK_SETUP_BITS / DEFAULT_COSTS.horizonSeconds;
  t.ok(Math.abs(score.costOfChange - expected) < 1e-6, 'x moves, b-c is new; z was nowhere');
  t.ok(Math.abs(score.value - (105 * M - 2 * expected)) < 1e-6);
  t.equal(compile(ROW).linked.length, 0, 'links that are not known cost nothing');
  const idle = moveCost({ memoryBytes: 1000 }, 0, DEFAULT_COSTS);
  const dirty = moveCost({ memoryBytes: 1000, dirtyBytesPerSecond: 62.5e6 }, 0, DEFAULT_COSTS);
  t.ok(Math.abs(dirty / idle - 2) < 1e-9, 'half the rate is made dirty again: twice the bytes');
  const hopeless = moveCost({ memoryBytes: 1000, dirtyBytesPerSecond: 1e12 }, 0, DEFAULT_COSTS);
  t.ok(Math.abs(hopeless / idle - ROUNDS_MAX) < 1e-9);
});

t.test('what is no placement', async (t) => {
  const why = (problem: Partial<Problem>, placement: Placement) =>
    whyInvalid(compile({ ...ROW, ...problem }), placement);
  const good = placed([0, 1, 2], [0, 1], [1, 2]);
  t.equal(why({}, good), undefined);
  t.match(why({}, placed([0, 1], [0, 1], [1, 2])), /places 2 VMs of 3/);
  t.match(why({}, placed([0, 1, 2], [0, 1])), /1 paths for 2 flows/);
  t.match(why({}, placed([0, 1, 3], [0, 1], [1, 2])), /VM z is on no host/);
  t.match(why({}, placed([0, 1, -1], [0, 1], [1, 2])), /VM z is on no host/);
  const vms = [
    { name: 'x', memoryBytes: 6 },
    { name: 'y', memoryBytes: 6 },
    { name: 'z', pinned: 'c' },
  ];
  const hosts = [{ name: 'a', memoryBytes: 10 }, { name: 'b' }, { name: 'c' }];
  t.match(why({ vms, hosts }, placed([0, 0, 2], [0], [0, 1, 2])), /memory of a/);
  t.match(why({ vms }, placed([0, 1, 1], [0, 1], [1])), /VM z may not be on b/);
  t.match(why({ vms: [{ name: 'x', allowed: ['b'] }, ...vms.slice(1)] }, good), /VM x may not be on a/);
  t.match(why({ apart: [['x', 'y']] }, placed([0, 0, 2], [0], [0, 1, 2])), /x, y are not apart/);
  t.match(why({ together: [['x', 'z']] }, good), /x, z are not together/);
  t.match(why({}, placed([0, 1, 2], [0, 1], [0, 1])), /does not join its VMs/);
  t.match(why({ maxHops: 1 }, placed([0, 2, 2], [0, 1, 2], [2])), /more than 1 hops/);
  t.match(why({}, placed([0, 1, 2], [0, 1, 0, 1], [1, 2])), /more than 2 hops/);
  t.match(why({}, placed([0, 2, 2], [0, 2], [2])), /edge that does not exist/);
  t.match(why({}, placed([0, 2, 2], [0, -1, 2], [2])), /edge that does not exist/, 'no index of another row');
  t.match(why({}, placed([0, 0, 2], [0, 1, 0], [0, 1, 2])), /passes a host twice/);
  const still = [{ name: 'a' }, { name: 'b', relays: false }, { name: 'c' }];
  t.match(why({ hosts: still }, placed([0, 2, 2], [0, 1, 2], [2])), /does not relay/);
  t.equal(why({ hosts: still }, good), undefined, 'its own ends may be there');
});

t.test('what is no problem', async (t) => {
  const refuses = (problem: Partial<Problem>, message: RegExp) =>
    t.throws(() => compile({ ...ROW, ...problem }), { code: 'VNET_ERR_INVALID', message });
  const edge = { from: 'a', to: 'b', bitsPerSecond: 1, latencyUs: 1 };
  refuses({ hosts: [{ name: 'a' }, { name: 'a' }] }, /two hosts are called a/);
  refuses({ hosts: [{ name: '' }] }, /has no name/);
  refuses({ vms: [{ name: 'x', pinned: 'd' }] }, /no host is called d|no VM/);
  refuses({ edges: [{ ...edge, to: 'a' }] }, /leads from a to itself/);
  refuses({ edges: [edge, edge] }, /there twice/);
  refuses({ edges: [{ ...edge, bitsPerSecond: Infinity }] }, /cannot be Infinity/);
  refuses({ edges: [{ ...edge, latencyUs: Number.NaN }] }, /cannot be NaN/);
  refuses({ edges: { bitsPerSecond: [1], latencyUs: [1] } }, /1 and 1 entries for 3 hosts/);
  refuses({ flows: [{ from: 'x', to: 'x', bitsPerSecond: 1 }] }, /flow leads from x to itself/);
  refuses({ flows: [{ from: 'x', to: 'y', bitsPerSecond: -1 }] }, /cannot be -1/);
  refuses({ flows: [{ from: 'x', to: 'y', bitsPerSecond: 1, maxLatencyUs: 0 }] }, /bounded by 0/);
  refuses({ maxHops: 0 }, /maxHops/);
  refuses({ present: { mapping: { w: 'a' } } }, /no VM is called w/);
  refuses({ shared: [{ name: 's', bitsPerSecond: 1, edges: [['a', 'a']] }] }, /to itself/);
  const many = Array.from({ length: 5000 }, (_, i) => ({ name: `h${i}` }));
  t.throws(() => compile({ ...ROW, hosts: many }), { code: 'VNET_ERR_LIMIT', message: /at most 4096/ });
});

t.test('RPVEE: only paths are sought', async (t) => {
  const names = ['a', 'b', 'c'];
  const problem = rpvee({
    hosts: names,
    edges: ROW.edges,
    flows: [{ from: 'a', to: 'c', bitsPerSecond: M }],
  });
  const instance = compile(problem);
  t.same([...instance.pinned], [0, 1, 2]);
  t.equal(evaluate(instance, residual, placed([0, 1, 2], [0, 1, 2])).value, 9 * M);
  t.match(whyInvalid(instance, placed([1, 0, 2], [1, 2])), /may not be/);
});

t.test('matrix and list of edges mean the same; shared rows hold what the groups say', async (t) => {
  const edgeOf = (hosts: number) =>
    fc.record({
      from: fc.nat(hosts - 1),
      to: fc.nat(hosts - 1),
      bits: fc.integer({ min: 1, max: 1000 }),
      us: fc.nat(999),
    });
  const drawn = fc.integer({ min: 2, max: 7 }).chain((hosts) =>
    fc.record({
      hosts: fc.constant(hosts),
      edges: fc.uniqueArray(edgeOf(hosts), { selector: ({ from, to }) => from * hosts + to }),
      groups: fc.array(fc.array(fc.nat(hosts * hosts - 1), { maxLength: 12 }), { maxLength: 4 }),
    }),
  );
  fc.assert(
    fc.property(drawn, ({ hosts: count, edges, groups }) => {
      const hosts = Array.from({ length: count }, (_, i) => ({ name: `h${i}` }));
      const between = edges.filter(({ from, to }) => from !== to);
      const bitsPerSecond = new Float64Array(count * count);
      const latencyUs = new Float64Array(count * count);
      for (const { from, to, bits, us } of between) {
        bitsPerSecond[from * count + to] = bits;
        latencyUs[from * count + to] = us;
      }
      const real = groups.map((group) => group.filter((edge) => edge % (count + 1) !== 0));
      const shared = real.map((group, i) => ({
        name: `s${i}`,
        bitsPerSecond: i,
        edges: group.map((e) => [`h${Math.floor(e / count)}`, `h${e % count}`] as const),
      }));
      const list = between.map(({ from, to, bits, us }) => {
        return { from: `h${from}`, to: `h${to}`, bitsPerSecond: bits, latencyUs: us };
      });
      const rest = { hosts, vms: [], flows: [], shared };
      const byMatrix = compile({ ...rest, edges: { bitsPerSecond, latencyUs } });
      const byList = compile({ ...rest, edges: list });
      t.same([...byMatrix.bandwidth], [...byList.bandwidth]);
      t.same([...byMatrix.latency], [...byList.latency]);
      for (let edge = 0; edge < count * count; edge++) {
        const expected = real.flatMap((group, i) => (group.includes(edge) ? [i] : []));
        t.same([...sharedOf(byList, edge)], expected);
      }
    }),
    { numRuns: 60 },
  );
});

t.test('edges of paths', async (t) => {
  const instance = compile(ROW);
  t.same(edgesOf(instance, [1]), [4]);
  t.same(edgesOf(instance, [0, 1, 2]), [1, 5]);
  t.same(edgesOf(instance, []), []);
});
