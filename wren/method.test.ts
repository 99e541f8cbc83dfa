/** The whole method against a simulated path: accuracy, reaction, restraint, and what it must survive. */
import { seededRandom } from '../core/index.js';
import { test } from 'tap';
import {
  accuracyTable,
  measureAccuracy,
  quantile,
  changeSeenMs,
  CrossTraffic,
  Hop,
  BUSY,
  SimulatedLink,
  type SimulatedOptions,
  World,
} from './testbed/index.js';
import { PROBE_RATE_MAX, START_UP_BYTES } from './prober.js';

const RATES = [10e6, 50e6, 100e6, 500e6];
const LOADS = [0, 0.4, 0.8];

test('available bandwidth is near the truth over the grid', (t) => {
  for (const shaper of ['wire', 'bucket'] as const) {
    const results = RATES.flatMap((rateBitsPerSecond, i) =>
      LOADS.map((load, j) =>
        measureAccuracy({ rateBitsPerSecond, load, cross: 'constant', shaper }, 100 + 10 * i + j, 30),
      ),
    );
    const errors = results.flatMap((result) => result.errors);
    const table = accuracyTable(results).join('\n');
    t.ok(quantile(errors, 0.5) <= 0.1, `${shaper}: median within 10%\n${table}`);
    t.ok(quantile(errors, 0.95) <= 0.25, `${shaper}: 95th percentile within 25%\n${table}`);
    t.ok(
      quantile(
        results.flatMap((result) => result.capacityErrors),
        0.5,
      ) <= 0.05,
      `${shaper}: capacity`,
    );
    for (const result of results) {
      // Two trains more or less at the edges of the 25 s that are counted.
      const kept = result.probeShare <= 0.0105 + (2 * 24_000 * 8) / 25 / result.rateBitsPerSecond;
      t.ok(kept, `${shaper} ${result.rateBitsPerSecond}: ${result.probeShare} of the link for trains`);
    }
  }
  t.end();
});

test('random cross traffic costs accuracy, not sense', (t) => {
  const results = [50e6, 200e6, 500e6].flatMap((rateBitsPerSecond, i) =>
    LOADS.map((load) =>
      measureAccuracy({ rateBitsPerSecond, load, cross: 'poisson', shaper: 'wire' }, 7 + i, 60),
    ),
  );
  const errors = results.flatMap((result) => result.errors);
  t.ok(quantile(errors, 0.5) <= 0.1, accuracyTable(results).join('\n'));
  t.ok(quantile(errors, 0.95) <= 0.25, accuracyTable(results).join('\n'));
  t.end();
});

test('a change is seen within two seconds, on a slow link within ten', (t) => {
  const cases = [
    { rateBitsPerSecond: [100e6, 100e6], load: [0.2, 0.7], mostMs: 2000 },
    { rateBitsPerSecond: [50e6, 50e6], load: [0.7, 0.2], mostMs: 2000 },
    { rateBitsPerSecond: [500e6, 500e6], load: [0.2, 0.7], mostMs: 2000 },
    { rateBitsPerSecond: [100e6, 20e6], load: [0, 0], mostMs: 2000 },
    { rateBitsPerSecond: [500e6, 10e6], load: [0, 0], mostMs: 2000 },
    { rateBitsPerSecond: [5e6, 5e6], load: [0.2, 0.7], mostMs: 10_000 },
  ] as const;
  for (const { rateBitsPerSecond, load, mostMs } of cases) {
    for (const shaper of ['wire', 'bucket'] as const) {
      const seen = [11, 12, 13]
        .map((seed) =>
          changeSeenMs(
            { cross: 'constant', shaper, rateBitsPerSecond: [...rateBitsPerSecond], load: [...load] },
            seed,
          ),
        )
        .sort((a, b) => a - b);
      t.ok((seen[1] ?? Number.NaN) <= mostMs, `${shaper} ${rateBitsPerSecond} ${load}: ${seen} ms`);
    }
  }
  t.end();
});

test("a change beside the overlay's own traffic is seen, on slow links too", (t) => {
  const cases = [
    { own: 'stream', rateBitsPerSecond: [1e6, 1e6], load: [0.2, 0.7], mostMs: 10_000 },
    { own: 'stream', rateBitsPerSecond: [1e6, 1e6], load: [0.7, 0.2], mostMs: 10_000 },
    { own: 'stream', rateBitsPerSecond: [4e6, 1e6], load: [0, 0], mostMs: 10_000 },
    { own: 'stream', rateBitsPerSecond: [2e6, 2e6], load: [0.2, 0.7], mostMs: 10_000 },
    { own: 'stream', rateBitsPerSecond: [20e6, 20e6], load: [0.7, 0.2], mostMs: 2000 },
    { own: 'stream', rateBitsPerSecond: [100e6, 100e6], load: [0.2, 0.7], mostMs: 2000 },
    { own: 'messages', rateBitsPerSecond: [5e6, 5e6], load: [0.2, 0.7], mostMs: 10_000 },
    { own: 'messages', rateBitsPerSecond: [20e6, 20e6], load: [0.2, 0.7], mostMs: 2000 },
  ] as const;
  for (const { own, rateBitsPerSecond, load, mostMs } of cases) {
    for (const shaper of ['wire', 'bucket'] as const) {
      const change = {
        cross: 'constant' as const,
        shaper,
        own,
        rateBitsPerSecond: [...rateBitsPerSecond] as [number, number],
        load: [...load] as [number, number],
      };
      const seen = [11, 12, 13].map((seed) => changeSeenMs(change, seed)).sort((a, b) => a - b);
      t.ok((seen[1] ?? Number.NaN) <= mostMs, `${own} ${shaper} ${rateBitsPerSecond} ${load}: ${seen} ms`);
    }
  }
  t.end();
});

interface Stage {
  world: World;
  link: SimulatedLink;
  hop: Hop;
  truth: number;
}

function stage(parts: Partial<SimulatedOptions> = {}, rate = 50e6, load = 0.4, seed = 5): Stage {
  const world = new World();
  const random = seededRandom(seed);
  const cross = new CrossTraffic('constant', rate * load, 1500, random);
  const hop = new Hop({ rateBitsPerSecond: rate, cross, propagationNs: 5e6 });
  const link = new SimulatedLink({ world, random, hops: [hop], noise: BUSY, ...parts });
  return { world, link, hop, truth: rate * (1 - load) };
}

const second = 1e9;
const available = (link: SimulatedLink) => link.b.report().links[0]?.availableBitsPerSecond;

function near(
  t: { ok(value: unknown, message: string): unknown },
  value: number | undefined,
  truth: number,
  within: number,
  what: string,
): void {
  t.ok(value !== undefined && Math.abs(value / truth - 1) <= within, `${what}: ${value} of ${truth}`);
}

test('clocks that differ by minutes and drift, loss, reordering, wrapped sequence numbers', (t) => {
  const cases: [string, Partial<SimulatedOptions>][] = [
    ['a clock far ahead that drifts', { noise: { ...BUSY, clockOffsetNs: 7200e9, drift: 90e-6 } }],
    ['a clock behind', { noise: { ...BUSY, clockOffsetNs: -3600e9, drift: -90e-6 } }],
    ['loss', { loss: 0.03 }],
    ['reordering', { reorder: 0.05 }],
    ['all at once', { loss: 0.02, reorder: 0.03, noise: { ...BUSY, drift: -60e-6, stallsPerSecond: 15 } }],
  ];
  for (const [what, parts] of cases) {
    const { world, link, truth } = stage(parts);
    const errors: number[] = [];
    for (let s = 1; s <= 40; s++) {
      world.runUntil(s * second);
      if (s > 10) errors.push((available(link)?.value ?? 0) / truth - 1);
    }
    t.ok(quantile(errors, 0.5) <= 0.15, `${what}: median error ${quantile(errors, 0.5)}`);
  }
  t.end();
});

test('two bottlenecks one after the other: the tighter one counts', (t) => {
  const world = new World();
  const random = seededRandom(3);
  const tight = new Hop({
    rateBitsPerSecond: 100e6,
    cross: new CrossTraffic('constant', 60e6, 1500, random),
  });
  const other = new Hop({ rateBitsPerSecond: 200e6, cross: new CrossTraffic('poisson', 40e6, 700, random) });
  const link = new SimulatedLink({ world, random, hops: [other, tight], noise: BUSY });
  world.runUntil(20 * second);
  near(t, available(link)?.value, 40e6, 0.2, 'available');
  t.end();
});

test("traffic's own bursts tell, and bursts of ours stop", (t) => {
  const { world, link, truth } = stage();
  // An application in steps, as the paper has it: 60 packets every 30 ms, 24 Mbit/s, more than is left in the burst.
  const burst = () => {
    for (let i = 0; i < 60; i++) world.at(world.nowNs + i * 20e3, () => link.send(1500));
    world.at(world.nowNs + 30e6, burst);
    for (let ms = 2; ms < 30; ms += 2) world.at(world.nowNs + ms * 1e6, () => link.send(100));
  };
  world.runUntil(2 * second);
  burst();
  world.runUntil(6 * second);
  const sent = link.trainBytes;
  world.runUntil(20 * second);
  const estimate = available(link);
  const own = (60 * 1500 + 14 * 100) * 8 * (1000 / 30);
  t.equal(estimate?.method, 'traffic');
  t.ok(
    estimate && Math.abs(estimate.value - (truth - own)) <= 0.15 * truth,
    `${estimate?.value}, ${truth - own} is left`,
  );
  t.ok(link.trainBytes - sent < 100_000, `${link.trainBytes - sent} octets of trains beside it`);
  t.end();
});

test("the overlay's own smooth traffic is left out of what more could be sent", (t) => {
  const { world, link, truth } = stage();
  const own = 10e6;
  const packet = () => {
    link.send(1500);
    world.at(world.nowNs + (1500 * 8e9) / own, packet);
  };
  packet();
  world.runUntil(20 * second);
  near(t, available(link)?.value, truth - own, 0.15, 'available');
  t.equal(available(link)?.method, 'probe', 'it makes no queue that would tell');
  near(t, link.b.report().links[0]?.throughputBitsPerSecond.value, own, 0.05, 'throughput');
  t.end();
});

test('nobody else, and faster than can be tried: a bound, and said to be one', (t) => {
  const world = new World();
  const random = seededRandom(9);
  const link = new SimulatedLink({
    world,
    random,
    hops: [new Hop({ rateBitsPerSecond: 100e9 })],
    noise: BUSY,
  });
  world.runUntil(10 * second);
  const estimate = available(link);
  t.equal(estimate?.atLeast, true);
  t.ok((estimate?.value ?? 0) > 1e9);
  t.ok((estimate?.confidence ?? 1) < 0.5);
  t.end();
});

test('the start-up allowance bounds what is sent before anything is known', (t) => {
  const world = new World();
  const random = seededRandom(9);
  const link = new SimulatedLink({
    world,
    random,
    hops: [new Hop({ rateBitsPerSecond: 100e9 })],
    noise: BUSY,
  });
  world.runUntil(second);
  t.ok(link.trainBytes <= START_UP_BYTES + PROBE_RATE_MAX / 8, `${link.trainBytes} octets`);
  const slow = stage({}, 2e6, 0);
  slow.world.runUntil(second);
  t.ok(slow.link.trainBytes <= 80_000, `${slow.link.trainBytes} octets in the first second of a slow link`);
  t.end();
});

test('a share of nothing sends nothing', (t) => {
  const { world, link } = stage({ probeShare: 0 });
  world.runUntil(20 * second);
  t.equal(link.trainBytes, 0);
  link.a.setProbeShare(0.01);
  world.runUntil(30 * second);
  t.ok(link.trainBytes > 0, 'until it may');
  t.end();
});

test('time stamps that cannot be true are refused, and it is said', (t) => {
  const random = seededRandom(1);
  const lies: [string, (ns: number) => number, RegExp][] = [
    ['twice as fast', (ns) => 2 * ns, /times as fast/],
    ['standing still', () => 5e9, /stand still|times as fast/],
    ['random', (ns) => ns + random() * 50e6, /backwards/],
    ['leaping', (ns) => ns + Math.floor(random() * 5) * 100e9, /leap|backwards|times as fast/],
  ];
  for (const [what, lie, reason] of lies) {
    const { world, link } = stage({ lie });
    world.runUntil(45 * second);
    const report = link.b.report();
    t.match(report.notes.join('\n'), reason, `${what}: noted`);
    t.equal(report.links[0]?.availableBitsPerSecond, undefined, `${what}: not estimated`);
    t.ok(report.links[0]?.rttUs, `${what}: the rest still is`);
    t.same(report.queues, []);
  }
  const honest = stage();
  honest.world.runUntil(60 * second);
  t.same(honest.link.b.report().notes, []);
  t.end();
});

test('packets that leave together with one stamp are no lie', (t) => {
  // As a plane does that sends what has no distance in batches.
  let last = 0;
  const together = (ns: number) => {
    if (ns - last > 50e3) last = ns;
    return last;
  };
  const { world, link, truth } = stage({ lie: together }, 500e6, 0.4);
  world.runUntil(20 * second);
  t.same(link.b.report().notes, []);
  near(t, available(link)?.value, truth, 0.15, 'available');
  t.end();
});

test('a link that goes down and comes back on another path', (t) => {
  const { world, link, hop, truth } = stage();
  world.runUntil(20 * second);
  near(t, available(link)?.value, truth, 0.1, 'before');
  link.setUp(false);
  world.runUntil(20.2 * second); // A train that is leaving leaves.
  const sent = link.trainBytes;
  world.runUntil(25 * second);
  t.equal(link.trainBytes, sent, 'nothing is sent while it is down');
  t.same(link.b.report().links, []);
  hop.setRate(20e6);
  hop.cross?.setRate(4e6, world.nowNs);
  link.setUp(true);
  world.runUntil(28 * second);
  near(t, available(link)?.value, 16e6, 0.15, 'after');
  t.end();
});

test('a path that turns silent: the estimate ages, trains become rare', (t) => {
  const { world, link } = stage();
  world.runUntil(10 * second);
  link.options.hops[0]?.setRate(1e-3);
  world.runUntil(20 * second);
  const sent = link.trainBytes;
  world.runUntil(60 * second);
  t.ok(link.trainBytes - sent < 6 * 27_000, `${link.trainBytes - sent} octets in 40 s of silence`);
  t.ok((available(link)?.ageMs ?? 0) > 45_000);
  t.end();
});
