/** Looks at everything between two VMs once: tables, daemons (twice, for what moves meanwhile), estimates, echoes. */
import { type MatrixView, type OverlayView, type RouteView, VnetError } from '../../core/index.js';
import { nearest } from '../../lang/index.js';
import { sendEchoes } from '../echoes.js';
import { pause } from '../pause.js';
import { NameBook } from '../names.js';
import type { Run } from '../run.js';
import { crossings, survey } from '../survey.js';
import { deadEdgesOf, hopsOf, hostOnPath, lookAtPort, mtuOf, rateOf, refusals } from './from-views.js';
import type { End, PairObservation } from './observation.js';

/** Counters are compared over at least this. */
const WATCH_MS = 1000;
/** Echoes of each size. */
const ECHOES = 20;
const ECHO_INTERVAL_MS = 20;
const ECHO_TIMEOUT_MS = 1000;
/** The least frame, what stands in front of the network's MTU, and that MTU where no host on the way says it. */
const SMALL_FRAME_BYTES = 60;
const ETHERNET_BYTES = 14;
const USUAL_MTU = 1500;
/** Other pairs whose routes are looked at, the busiest. */
const RIVALS_MAX = 12;

export async function observePair(
  run: Run,
  from: string,
  to: string,
  network: string | undefined,
): Promise<PairObservation> {
  const overlay = await run.client.overview();
  const names = new NameBook(overlay);
  const ends = [endOf(names, overlay, from), endOf(names, overlay, to)] as const;
  const seen: PairObservation = {
    from: ends[0],
    to: ends[1],
    hops: [],
    deadEdges: [],
    hosts: [],
    overMs: WATCH_MS,
    unseen: [],
  };
  if (ends.some((end) => !end.vm)) {
    await lookForStrangers(run, overlay, ends);
    return seen;
  }
  const [a, b] = [names.resolve(from), names.resolve(to)];
  const [there, back] = await Promise.all([run.client.route(a, b, network), run.client.route(b, a, network)]);
  Object.assign(seen, { there, back, network: there.network });
  await lookAtWay(run, seen, { overlay, a, b, there, back });
  return seen;
}

interface Way {
  overlay: OverlayView;
  a: string;
  b: string;
  there: RouteView;
  back: RouteView;
}

async function lookAtWay(run: Run, seen: PairObservation, way: Way): Promise<void> {
  const { overlay, there, back } = way;
  const ends = [seen.from, seen.to];
  const onPath = new Set([
    ...ends.flatMap(({ vm }) => (vm ? [vm.host] : [])),
    ...[...there.hops, ...back.hops].map((hop) => hop.host),
  ]);
  const [underlay, matrix] = await Promise.all([
    whereKnown(seen, 'estimates of the underlay', () => run.client.underlay()),
    whereKnown(seen, 'the traffic matrix', () => run.client.matrix(there.network)),
  ]);
  const started = run.context.clock.now();
  const before = await survey(run, onPath);
  const mtu = mtuOf(before, there.network);
  if (mtu !== undefined) seen.mtu = mtu;
  await tryEchoes(run, seen, way);
  const restMs = WATCH_MS - (run.context.clock.now() - started);
  if (restMs > 0) await pause(run, restMs);
  const after = await survey(run, onPath);
  seen.overMs = Math.max(1, run.context.clock.now() - started);
  if (matrix) seen.rate = rateOf(matrix, there);
  seen.hosts = [...onPath].map((host) => hostOnPath(host, overlay, before.get(host), after.get(host)));
  seen.hops = [
    ...hopsOf('there', there, before, after, underlay),
    ...hopsOf('back', back, before, after, underlay),
  ];
  const proxy = overlay.hosts.find((host) => host.proxy)?.name;
  seen.deadEdges = [...deadEdgesOf('there', there, after, proxy), ...deadEdgesOf('back', back, after, proxy)];
  for (const end of ends) {
    lookAtPort(end, before, after);
    end.refusedAt = refusals(after, end.vm?.macs ?? []);
  }
  if (matrix) await findRivals(run, seen, matrix, there);
}

/** A part of the picture that an older daemon, or one without privileges, may not have. */
async function whereKnown<T>(
  seen: PairObservation,
  what: string,
  ask: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await ask();
  } catch (thrown) {
    seen.unseen.push(`${what}: ${VnetError.from(thrown).message}`);
    return undefined;
  }
}

function endOf(names: NameBook, overlay: OverlayView, text: string): End {
  const vm = names.find(text);
  const near = vm
    ? undefined
    : nearest(
        text,
        names.vms.map((each) => each.name),
      );
  const phase = overlay.hosts.find((host) => host.name === vm?.host)?.phase;
  return {
    text,
    refusedAt: [],
    ...(vm ? { vm } : {}),
    ...(near === undefined ? {} : { near }),
    ...(phase === undefined ? {} : { phase }),
  };
}

/** An address that nobody registered may be knocking at a guarded port. */
async function lookForStrangers(run: Run, overlay: OverlayView, ends: readonly End[]): Promise<void> {
  const ready = overlay.hosts.filter((host) => host.phase === 'ready').map((host) => host.name);
  const views = await survey(run, ready);
  for (const end of ends)
    if (!end.vm) end.refusedAt = refusals(views, [end.text.toLowerCase().replaceAll('-', ':')]);
}

async function tryEchoes(run: Run, seen: PairObservation, { a, b, there }: Way): Promise<void> {
  const options = {
    network: there.network,
    count: ECHOES,
    intervalMs: ECHO_INTERVAL_MS,
    timeoutMs: ECHO_TIMEOUT_MS,
  };
  try {
    const small = await sendEchoes(run, a, b, { ...options, bytes: SMALL_FRAME_BYTES });
    const bytes = (seen.mtu ?? USUAL_MTU) + ETHERNET_BYTES;
    const full = await sendEchoes(run, a, b, { ...options, bytes });
    seen.echoes = { small: small.stats, full: full.stats };
  } catch (thrown) {
    seen.unseen.push(`echoes: ${VnetError.from(thrown).message}`);
  }
}

/** The busiest other pairs, put to the hops that they cross as well. */
async function findRivals(
  run: Run,
  seen: PairObservation,
  matrix: MatrixView,
  { source, destination, network }: RouteView,
): Promise<void> {
  const own = new Set([`${source} ${destination}`, `${destination} ${source}`]);
  const busiest = matrix.pairs
    .filter((pair) => pair.bitsPerSecond > 0 && !own.has(`${pair.source} ${pair.destination}`))
    .slice(0, RIVALS_MAX);
  await Promise.all(
    busiest.map(async ({ source: rival, destination: other, from, to, bitsPerSecond }) => {
      const route = await run.client.route(rival, other, network).catch(() => undefined); // gone meanwhile
      for (const crossed of route ? crossings(route) : [])
        for (const hop of seen.hops)
          if (hop.from === crossed.host && hop.to === crossed.to)
            hop.rivals.push({ from, to, bitsPerSecond });
    }),
  );
  for (const hop of seen.hops) hop.rivals.sort((a, b) => b.bitsPerSecond - a.bitsPerSecond);
}
