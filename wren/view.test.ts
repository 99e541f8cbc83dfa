/** What the Proxy makes of the reports of all daemons. */
import { test } from 'tap';
import { type LinkEstimate, type QueueSeries, seededRandom } from '../core/index.js';
import { COMMON_BINS_MIN, groupBottlenecks } from './bottlenecks.js';
import { QUEUE_BINS } from './queue-bins.js';
import { CrossTraffic, Hop, BUSY, SimulatedLink, World } from './testbed/index.js';
import { ESTIMATE_AGE_MAX_MS, type UnderlayParts, underlayView } from './underlay-view.js';

/** Cross traffic that comes and goes, as people do. */
function moody(world: World, cross: CrossTraffic, rate: number, random: () => number): void {
  const turn = () => {
    cross.setRate(rate * (random() < 0.5 ? 0.2 : 0.8), world.nowNs);
    world.at(world.nowNs + (0.3 + random()) * 1e9, turn);
  };
  turn();
}

const renamed = (link: SimulatedLink, id: string, from: string, to: string) => {
  const report = link.b.report();
  return {
    queues: report.queues.map((series) => ({ ...series, link: id, from, to })),
    links: report.links.map((estimate) => ({ ...estimate, link: id, from, to })),
  };
};

test('links through one uplink are grouped, others are not', (t) => {
  const world = new World();
  const random = seededRandom(21);
  const path = (rate: number) =>
    new Hop({ rateBitsPerSecond: rate, cross: new CrossTraffic('poisson', 0, 1500, random) });
  const uplink = path(50e6);
  const elsewhere = path(50e6);
  const free = path(200e6);
  for (const hop of [uplink, elsewhere])
    moody(world, hop.cross as CrossTraffic, hop.rateBitsPerSecond, random);
  const link = (hop: Hop) => new SimulatedLink({ world, random, hops: [hop], noise: BUSY });
  // a's links to b and c leave by the uplink; its link to d, and to e, by ways of their own.
  const links = [
    { of: link(uplink), to: 'b' },
    { of: link(uplink), to: 'c' },
    { of: link(elsewhere), to: 'd' },
    { of: link(free), to: 'e' },
  ].map(
    ({ of, to }) =>
      () =>
        renamed(of, `a-${to}`, 'a', to),
  );
  world.runUntil(35e9);
  const reports = links.map((report) => report());
  const groups = groupBottlenecks(
    reports.flatMap(({ queues }) => queues),
    reports.flatMap(({ links: estimates }) => estimates),
  );
  t.same(
    groups.map(({ where, members }) => ({ where, members })),
    [{ where: 'leaving a', members: ['a b', 'a c'] }],
  );
  t.ok((groups[0]?.confidence ?? 0) > 0.4, `${groups[0]?.confidence}`);
  const capacity = groups[0]?.capacityBitsPerSecond?.value ?? 0;
  t.ok(Math.abs(capacity / 50e6 - 1) < 0.2, `${capacity}`);
  t.end();
});

const series = (
  link: string,
  from: string,
  to: string,
  us: (number | null)[],
  bin = 1000,
  skew = 0,
): QueueSeries => ({
  link,
  from,
  to,
  sentBin: bin,
  arrivedBin: bin + skew,
  sentUs: us,
  arrivedUs: us,
});

test('grouping: by the right clock, and not on little evidence', (t) => {
  const random = seededRandom(2);
  const queue = Array.from({ length: 200 }, () => (random() < 0.3 ? random() * 9000 : random() * 50));
  const near = (us: number[]) => us.map((wait) => wait + random() * 40);
  const shifted = series('l2', 'c', 'b', near(queue.slice(10)), 1010);
  t.same(
    groupBottlenecks([series('l1', 'a', 'b', queue), shifted], []).map(({ where }) => where),
    ['arriving at b'],
  );
  const skewed = series('l2', 'c', 'b', near(queue), 1060);
  t.same(groupBottlenecks([series('l1', 'a', 'b', queue), skewed], []), [], 'not at the same time');
  // Clocks of different hosts have nothing to do with each other.
  const leaving = [series('l1', 'a', 'b', queue, 1000, 70), series('l2', 'a', 'c', near(queue), 1000, -500)];
  t.same(
    groupBottlenecks(leaving, []).map(({ where }) => where),
    ['leaving a'],
  );
  const short = queue.slice(0, COMMON_BINS_MIN - 1);
  t.same(groupBottlenecks([series('l1', 'a', 'b', short), series('l2', 'a', 'c', near(short))], []), []);
  const idle = Array.from({ length: 200 }, () => random() * 30);
  t.same(groupBottlenecks([series('l1', 'a', 'b', idle), series('l2', 'a', 'c', idle)], []), [], 'no queue');
  const holes = queue.map((wait, i) => (i % 2 === 0 ? wait : null));
  const others = queue.map((wait, i) => (i % 2 === 1 ? wait : null));
  t.same(
    groupBottlenecks([series('l1', 'a', 'b', holes), series('l2', 'a', 'c', others)], []),
    [],
    'no common bin',
  );
  t.end();
});

const estimate = (
  link: string,
  from: string,
  to: string,
  parts: Partial<LinkEstimate> = {},
): LinkEstimate => ({
  link,
  from,
  to,
  type: 'udp',
  throughputBitsPerSecond: { value: 0, ageMs: 100, method: 'traffic', confidence: 1 },
  ...parts,
});

const view = (parts: Partial<UnderlayParts>) =>
  underlayView({ hosts: ['a', 'b', 'c'], reports: [], reached: [], nowMs: 100_000, ...parts });

test('view: ages grow, confidence falls, what is too old goes', (t) => {
  const available = { value: 5e6, ageMs: 1000, method: 'probe', confidence: 0.8 } as const;
  const report = {
    links: [estimate('l', 'a', 'b', { availableBitsPerSecond: available })],
    queues: [],
    notes: ['b says so'],
  };
  const after = (ms: number) => view({ reports: [{ host: 'b', report, atMs: 100_000 - ms }] });
  t.match(after(0).paths, [{ from: 'a', to: 'b', reachable: true, availableBitsPerSecond: { ageMs: 1000 } }]);
  const later = after(29_000).paths[0]?.availableBitsPerSecond;
  t.equal(later?.ageMs, 30_000);
  t.ok(Math.abs((later?.confidence ?? 0) - 0.4) < 1e-9);
  t.same(after(ESTIMATE_AGE_MAX_MS).paths, []);
  t.same(after(0).notes, ['b says so']);
  t.equal(available.ageMs, 1000, 'the report is left as it was');
  t.end();
});

test('view: of two links the one in use, hosts that are gone, pairs without a link', (t) => {
  const busy = { value: 3e6, ageMs: 0, method: 'traffic', confidence: 1 } as const;
  const links = [
    estimate('udp', 'a', 'b', { throughputBitsPerSecond: busy }),
    estimate('tcp', 'a', 'b', { type: 'tcp' }),
    estimate('gone', 'x', 'b'),
  ];
  const result = view({
    reports: [{ host: 'b', report: { links, queues: [], notes: [] }, atMs: 100_000 }],
    reached: [
      {
        from: 'a',
        to: 'c',
        address: '192.0.2.1',
        reachable: true,
        rttUs: 900,
        pathMtuBytes: 1500,
        atMs: 99_000,
      },
      { from: 'c', to: 'a', address: '192.0.2.2', reachable: false, atMs: 99_000 },
      { from: 'a', to: 'b', address: '192.0.2.3', reachable: true, rttUs: 1, atMs: 99_000 },
    ],
    date: new Date(0),
  });
  t.equal(result.at, '1970-01-01T00:00:00.000Z');
  t.same(
    result.paths.map(({ from, to, link, reachable, rttUs }) => [
      from,
      to,
      link?.link,
      reachable,
      rttUs?.value,
    ]),
    [
      ['a', 'b', 'udp', true, undefined],
      ['a', 'c', undefined, true, 900],
      ['c', 'a', undefined, false, undefined],
    ],
  );
  t.match(result.paths[1]?.pathMtuBytes, { value: 1500, ageMs: 1000, method: 'path-probe' });
  t.end();
});

test('many links of one host are compared within bounds', (t) => {
  const waits = Array.from({ length: QUEUE_BINS }, (_, bin) => (bin % 7) * 1000);
  const leaving = Array.from({ length: 3000 }, (_, i) => series(`l${i}`, 'a', `b${i}`, waits));
  const startedMs = performance.now();
  const [group, ...others] = groupBottlenecks(leaving, []);
  t.equal(others.length, 0);
  t.ok((group?.members.length ?? 0) >= 2 && (group?.members.length ?? 0) < 100, 'those that move most');
  t.comment(`${Math.round(performance.now() - startedMs)} ms`);
  t.end();
});
