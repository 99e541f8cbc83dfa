/** The loop over fake hosts: from what daemons count and measure to a path, by the real controller and its solvers. */
import t from 'tap';
import {
  type AdaptSettings,
  encodeTrafficUpdate,
  type LinkEstimate,
  macToNumber,
  MemoryStore,
  type OverlayEvent,
  type PairCounters,
  TrafficReporter,
} from '../../core/index.js';
import { base, clock, Fleet, LAB, mac } from '../fake-overlay.js';

const MBPS = 1e6;
const TOLD_EACH_MS = 10;
const WAIT_MS = 15_000;
const QUICK: Partial<AdaptSettings> = {
  mode: 'auto',
  mechanisms: ['topology'],
  budgetMs: 50,
  settleMs: 1000,
  confirmMs: 500,
};

const estimate = (value: number) => ({ value, ageMs: 10, method: 'probe' as const, confidence: 1 });
const path = (from: string, to: string, available: number): LinkEstimate => ({
  link: `${from} ${to}`,
  from,
  to,
  type: 'udp',
  throughputBitsPerSecond: estimate(0),
  availableBitsPerSecond: estimate(available),
  minRttUs: estimate(1000),
});

/** a and c talk by the star, which is full; the link that a person has made between them carries nothing. */
async function bed(store = new MemoryStore()) {
  const fleet = await Fleet.start(store);
  await fleet.proxy.setSight({ updateMs: 100, smoothingMs: 500 });
  const topology = base();
  topology.shapes = [];
  topology.links = [{ type: 'udp', a: 'a', b: 'c' }];
  await fleet.target(topology);
  const { proxy } = fleet;
  const reporter = new TrafficReporter({ boot: 7 });
  const startedMs = clock.now();
  const tell = () => {
    const bytes = Math.round(((clock.now() - startedMs) / 1000) * ((10 * MBPS) / 8));
    const counters: PairCounters = {
      rows: 1,
      network: Float64Array.of(LAB),
      source: Float64Array.of(macToNumber(mac(1))),
      destination: Float64Array.of(macToNumber(mac(3))),
      inFrames: Float64Array.of(Math.ceil(bytes / 1000)),
      inBytes: Float64Array.of(bytes),
      outFrames: Float64Array.of(0),
      outBytes: Float64Array.of(0),
    };
    proxy.reports.traffic('a', encodeTrafficUpdate(reporter.update(counters, clock.now())));
    const links = [path('a', 'home', MBPS), path('a', 'c', 100 * MBPS)];
    proxy.reports.underlay('c', { links: [links[1] as LinkEstimate], queues: [], notes: [] });
    proxy.reports.underlay('home', { links: [links[0] as LinkEstimate], queues: [], notes: [] });
  };
  const talking = setInterval(tell, TOLD_EACH_MS);
  const close = async () => {
    clearInterval(talking);
    await proxy.close();
  };
  return { fleet, proxy, close };
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + WAIT_MS; !(await holds()); await new Promise((go) => setTimeout(go, 20)))
    if (Date.now() > end) throw new Error(`waited for: ${what}`);
}

t.test('a path where there is room, kept over a restart; a person takes it away', async (t) => {
  const store = new MemoryStore();
  const { fleet, proxy, close } = await bed(store);
  const events: OverlayEvent[] = [];
  proxy.onEvent((event) => events.push(event));
  t.match(await proxy.setAdaptation(QUICK), QUICK);
  await until('a route', async () => (await proxy.adaptation()).adapted.routes.length > 0);
  const { adapted, history } = await proxy.adaptation();
  t.match(adapted, { links: [], routes: [{ from: 'vm-a', to: 'vm-c', via: ['a', 'c'] }] });
  t.match(history, [{ by: 'auto', network: 'lab', predictedGain: Number }]);
  t.match(
    events.find(({ kind }) => kind === 'adaptation'),
    { network: 'lab', outcome: 'applied', text: String },
  );
  await fleet.settle();
  const rules = (host: string) => fleet.host(host).config.rules.filter(({ origin }) => origin === 'adapt');
  t.match(rules('a'), [{ owner: 'adapt', actions: [{ kind: 'edge', peer: 'c' }] }]);
  t.match(await proxy.whyAdapted('vm-a'), { owner: 'user' });
  await close();

  const again = await bed(store);
  const view = await again.proxy.adaptation();
  t.match(view.settings, QUICK, 'its settings outlive the Proxy');
  t.match(view.adapted, adapted, 'and what it made');
  t.equal(view.history.at(-1)?.id, history.at(-1)?.id, 'and what it did');
  await again.proxy.setAdaptation({ mode: 'off' });
  t.match(await again.proxy.clearAdaptation(), { by: 'user' });
  t.same((await again.proxy.adaptation()).adapted.routes, []);
  await again.close();
});

t.test('wrong settings, unknown plans and subjects change nothing', async (t) => {
  const { proxy, close } = await bed();
  t.teardown(close);
  const before = (await proxy.adaptation()).settings;
  const wrong: Partial<AdaptSettings>[] = [
    { solver: 'nonsense' },
    { objective: 'nonsense' },
    { budgetMs: 1 },
    { mode: 'on' as 'auto' },
  ];
  for (const settings of wrong)
    await t.rejects(
      proxy.setAdaptation(settings),
      { code: 'VNET_ERR_INVALID' },
      Object.keys(settings).join(),
    );
  t.same((await proxy.adaptation()).settings, before);
  await t.rejects(proxy.applyAdaptation('none'), { code: 'VNET_ERR_NOT_FOUND' });
  await t.rejects(proxy.whyAdapted('nobody'), { code: 'VNET_ERR_NOT_FOUND' });
  await t.rejects(proxy.planAdaptation({ network: 'nowhere' }), { code: 'VNET_ERR_NOT_FOUND' });
  t.equal(await proxy.clearAdaptation(), undefined);
});
