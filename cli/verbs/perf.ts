import type { Command } from 'commander';
import { type LinkEstimate, type RouteView, VnetError } from '../../core/index.js';
import type { CliContext } from '../context.js';
import { type Hop, hopsOf, leastRoom, piecesOf, trusted } from '../doctor/index.js';
import { type Echoes, type EchoStats, sendEchoes } from '../echoes.js';
import { bitRate, duration, percent, plural, roundTrip, timeMs } from '../format.js';
import { NameBook } from '../names.js';
import { act, addVerb, ExitWith, GROUPS, type Run } from '../run.js';
import { crossings, survey } from '../survey.js';
import { printLinkEstimates } from '../underlay-text.js';
import { wrap } from '../table.js';

const FOR_MS = [200, 600_000] as const;
const ECHO_INTERVAL_MS = 20;
const ECHO_TIMEOUT_MS = 1000;
const SMALL_FRAME_BYTES = 60;
const ETHERNET_BYTES = 14;
const DEFAULT_MTU = 1500;

export function addPerf(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'perf <from> <to>',
    group: GROUPS.explain,
    summary: 'measure the way between two VMs',
    about:
      'Sends echoes for a while, small frames and frames of full size in turn, and shows how round trips are ' +
      'distributed, what is lost, and whether full size passes. Beside that stands what is estimated of each link ' +
      'on the way: capacity, what is free, what is in use. It puts no load on the path: bandwidth is estimated from ' +
      "the links' traffic, and every figure says by which method. Exit code 1 if nothing is answered.",
    examples: [
      ['perf web db', 'five seconds'],
      ['perf web db --for 30s', 'longer, for the rare outliers'],
      ["perf web db --json | jq '.small.rtt.p99Us'", 'for scripts'],
    ],
  })
    .option('--for <time>', 'how long', '5s')
    .option('--network <name>', 'where an address stands in several networks');
  act<[string, string], { for: string; network?: string }>(
    command,
    context,
    async (run, options, from, to) => {
      const forMs = timeMs(options.for, 'a time', ...FOR_MS);
      const names = new NameBook(await run.client.overview());
      const seen = await measure(run, names.resolve(from), names.resolve(to), forMs, options.network);
      if (run.json) run.printJson(jsonOf(seen));
      else show(run, from, to, seen);
      if (seen.small.stats.answered === 0) throw new ExitWith(1);
    },
  );
}

interface Measurement {
  route: RouteView;
  mtu: number;
  small: Echoes;
  full: Echoes;
  hops: Hop[];
  /** Why there are no estimates. */
  unseen?: string;
}

async function measure(
  run: Run,
  a: string,
  b: string,
  forMs: number,
  network: string | undefined,
): Promise<Measurement> {
  const [there, back] = await Promise.all([run.client.route(a, b, network), run.client.route(b, a, network)]);
  const hosts = [...there.hops, ...back.hops].map((hop) => hop.host);
  const first = await survey(run, hosts);
  const mtu =
    [...first.values()].flatMap((view) => view.networks).find((each) => each.name === there.network)?.mtu ??
    DEFAULT_MTU;
  const echo = async (bytes: number, what: string): Promise<Echoes> => {
    if (!run.json && run.context.stderr.isTTY)
      run.note(run.paint.faint(`${what}, ${duration(forMs / 2)} ...`));
    const count = Math.max(1, Math.round(forMs / 2 / ECHO_INTERVAL_MS));
    const options = {
      network: there.network,
      count,
      bytes,
      intervalMs: ECHO_INTERVAL_MS,
      timeoutMs: ECHO_TIMEOUT_MS,
    };
    return sendEchoes(run, a, b, options, () => {}, forMs / 2);
  };
  const small = await echo(SMALL_FRAME_BYTES, 'small frames');
  const full = await echo(mtu + ETHERNET_BYTES, 'frames of full size');
  const views = await survey(run, hosts);
  const { underlay, unseen } = await run.client.underlay().then(
    (view) => ({ underlay: view, unseen: undefined }),
    (thrown: unknown) => ({ underlay: undefined, unseen: VnetError.from(thrown).message }),
  );
  const hops = [
    ...hopsOf('there', there, first, views, underlay),
    ...hopsOf('back', back, first, views, underlay),
  ];
  return { route: there, mtu, small, full, hops, ...(unseen === undefined ? {} : { unseen }) };
}

function show(run: Run, from: string, to: string, seen: Measurement): void {
  const { strong, vm, faint } = run.paint;
  const way = crossings(seen.route).map((hop) => hop.to);
  const start = seen.route.hops[0]?.host ?? '';
  run.print(
    `${strong(vm(from))} ${run.glyphs.arrow} ${strong(vm(to))}   ${faint(`network ${seen.route.network}, ${!seen.route.delivered ? 'the tables do not deliver' : way.length === 0 ? `both on ${start}` : `over ${[start, ...way].join(` ${run.glyphs.arrow} `)}, ${plural(way.length, 'edge')}`}`)}`,
    '',
  );
  printEchoes(run, seen);
  run.print('');
  const links = uniqueLinks(seen.hops);
  if (links.length > 0) printLinkEstimates(run, links);
  else if (seen.unseen !== undefined) run.print(faint(`No estimates: ${seen.unseen}`));
  else if (seen.hops.length > 0)
    run.print(faint('No estimate of a link on the way yet: `vnet net` fills with traffic.'));
  if (seen.hops.length > 0) run.print('');
  run.print(sizeText(run, seen), ...narrowestText(run, seen));
  const caveat =
    'Round trips and loss are measured now, with frames of our own that the data plane answers at the other port. ' +
    'Bandwidth is estimated per link, by the method in the table, and no load was put on the path: what a TCP ' +
    'stream gets is at most what is free at the narrowest hop.';
  run.print('', ...wrap(caveat, 96).map(faint));
}

function printEchoes(run: Run, { small, full, mtu }: Measurement): void {
  const { bad, good } = run.paint;
  const right = (title: string) => ({ title, right: true });
  const row = (bytes: number, { stats }: { stats: EchoStats }): string[] => {
    const lost = percent(stats.lossRatio);
    const { rtt } = stats;
    return [
      `${bytes} octets`,
      String(stats.sent),
      stats.lossRatio > 0 ? bad(lost) : good(lost),
      ...(rtt
        ? [rtt.minUs, rtt.p50Us, rtt.p90Us, rtt.p99Us, rtt.maxUs, rtt.mdevUs].map(roundTrip)
        : ['no answer']),
    ];
  };
  run.printTable(
    [
      { title: 'ECHOES' },
      right('SENT'),
      right('LOST'),
      right('LEAST'),
      right('50%'),
      right('90%'),
      right('99%'),
      right('MOST'),
      right('DEVIATION'),
    ],
    [row(SMALL_FRAME_BYTES, small), row(mtu + ETHERNET_BYTES, full)],
    '',
  );
}

/** Both directions of a way share no estimate, but a link may be crossed twice. */
function uniqueLinks(hops: readonly Hop[]): LinkEstimate[] {
  const byDirection = new Map<string, LinkEstimate>();
  for (const { estimate } of hops)
    if (estimate) byDirection.set(`${estimate.link} ${estimate.from}`, estimate);
  return [...byDirection.values()];
}

function sizeText(run: Run, { small, full, mtu, hops }: Measurement): string {
  const { good, bad, warn } = run.paint;
  if (small.stats.answered === 0) return bad('Nothing is answered: `vnet doctor` says why.');
  if (full.stats.answered === 0)
    return bad(`Frames of full size (MTU ${mtu}) do not pass, small ones do: \`vnet doctor\` names the hop.`);
  const split = hops.filter((hop) => piecesOf(hop.link?.datagramBytes ?? 0, mtu) > 1);
  if (split.length === 0) return good(`Frames of full size (MTU ${mtu}) pass whole.`);
  const places = [...new Set(split.map((hop) => `${hop.from} ${run.glyphs.arrow} ${hop.to}`))].join(', ');
  return warn(`Frames of full size (MTU ${mtu}) pass, in pieces on ${places}.`);
}

/** The hop with the least room, each way; only estimates that one may build on. */
function narrowestText(run: Run, { hops }: Measurement): string[] {
  return (['there', 'back'] as const).flatMap((way) => {
    const path = hops.filter((each) => each.way === way);
    if (path.length === 0) return [];
    const hop = leastRoom(path);
    const free = hop?.estimate?.availableBitsPerSecond;
    if (!hop || !free || trusted(free) === undefined)
      return [run.paint.faint(`Narrowest ${way}: no estimate is sure enough to say.`)];
    const capacity = hop.estimate?.capacityBitsPerSecond;
    const whole = trusted(capacity) === undefined ? '' : ` of ${bitRate(capacity?.value ?? 0)}`;
    return [
      `Narrowest ${way}: ${hop.from} ${run.glyphs.arrow} ${hop.to}, ${free.atLeast ? 'at least ' : ''}${run.paint.strong(bitRate(free.value))} free${whole}.`,
    ];
  });
}

function jsonOf({ route, mtu, small, full, hops, unseen }: Measurement): unknown {
  const echoes = (each: Echoes): unknown => ({
    ...each.stats,
    ...(each.hops === undefined ? {} : { hops: each.hops }),
  });
  return {
    network: route.network,
    mtu,
    small: { bytes: SMALL_FRAME_BYTES, ...(echoes(small) as object) },
    full: { bytes: mtu + ETHERNET_BYTES, ...(echoes(full) as object) },
    hops: hops.map(({ rivals: _rivals, linkDrops: _drops, ...hop }) => hop),
    ...(unseen === undefined ? {} : { unseen }),
  };
}
