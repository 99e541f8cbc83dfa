/** What is wrong at one crossing: loss, no room, queues, pieces. */
import type { Estimate } from '../../core/index.js';
import { bitRate, percent, roundTrip } from '../format.js';
import { type Finding, hopName } from './finding.js';
import type { Hop, PairObservation } from './observation.js';

/** An estimate less sure or older than this accuses nobody. */
const CONFIDENCE_MIN = 0.4;
const AGE_MAX_MS = 60_000;

/** Loss that a person notices, and that stalls TCP. */
const LOSS_RATIO_MIN = 0.001;
const LOSS_RATIO_BAD = 0.01;
const LOSS_RATIO_TERRIBLE = 0.05;

/** Fewer datagrams in the time of one look say nothing about loss. */
const DATAGRAMS_MIN = 100;

/** In use above this share of the capacity, or free below that one: full. */
const IN_USE_SHARE = 0.85;
const FREE_SHARE = 0.1;
/** A link that nobody uses is not full, whatever its estimate says. */
const IN_USE_MIN_BITS_PER_SECOND = 100_000;

/** A round trip above the least seen by this factor, and by this much, waits in queues. */
const QUEUEING_FACTOR = 2;
const QUEUEING_MIN_US = 5000;

/** Narrower than the widest hop of the path by this factor: throttled. */
const THROTTLED_FACTOR = 4;

/** docs/wire.md: hop part and, in a piece, the fragment header; the Ethernet header in front of the MTU. */
const HEADER_BYTES = 28;
const FRAGMENT_HEADER_BYTES = 8;
const ETHERNET_BYTES = 14;

export function hopTrouble(seen: PairObservation): Finding[] {
  return seen.hops.flatMap((hop) => [
    ...loss(hop),
    ...saturated(hop, seen),
    ...queueing(hop),
    ...throttled(hop, seen),
    ...queueDrops(hop, seen.overMs),
    ...fragmented(hop, seen.mtu),
  ]);
}

/** The value, where one may build on it. */
export const trusted = (estimate: Estimate | undefined): number | undefined =>
  estimate && estimate.confidence >= CONFIDENCE_MIN && estimate.ageMs <= AGE_MAX_MS
    ? estimate.value
    : undefined;

function loss(hop: Hop): Finding[] {
  const known = lossOf(hop);
  if (!known || known.ratio < LOSS_RATIO_MIN) return [];
  const { ratio, evidence } = known;
  const weight = ratio >= LOSS_RATIO_TERRIBLE ? 78 : ratio >= LOSS_RATIO_BAD ? 68 : 45;
  const type = hop.estimate?.type ?? hop.link?.type ?? 'udp';
  return [
    {
      kind: 'loss',
      weight,
      where: hopName(hop),
      text: `${percent(ratio)} of what ${hop.from} sends to ${hop.to} over ${type} is ${type === 'udp' ? 'lost' : 'sent again'}`,
      evidence,
      next:
        type === 'udp' && ratio >= LOSS_RATIO_BAD
          ? `vnet link add tcp ${hop.from} ${hop.to}`
          : 'vnet net --links',
    },
  ];
}

/** The estimate; where there is none, what the other end counted meanwhile, if it was enough. */
function lossOf({ estimate, arrivals }: Hop): { ratio: number; evidence: string } | undefined {
  const known = estimate?.lossRatio;
  const ratio = trusted(known);
  if (known && ratio !== undefined)
    return { ratio, evidence: `measured by ${known.method}, ${percent(known.confidence)} sure` };
  const sent = arrivals ? arrivals.arrived + arrivals.lost : 0;
  if (!arrivals || known || sent < DATAGRAMS_MIN) return undefined;
  return { ratio: arrivals.lost / sent, evidence: `${arrivals.lost} of ${sent} datagrams just now` };
}

function saturated(hop: Hop, seen: PairObservation): Finding[] {
  const { estimate } = hop;
  const capacity = trusted(estimate?.capacityBitsPerSecond);
  const free = estimate?.availableBitsPerSecond?.atLeast
    ? undefined
    : trusted(estimate?.availableBitsPerSecond);
  const used = estimate?.throughputBitsPerSecond.value ?? 0;
  if (used < IN_USE_MIN_BITS_PER_SECOND) return [];
  const whole = capacity ?? (free === undefined ? undefined : used + free);
  if (whole === undefined) return [];
  if (used < IN_USE_SHARE * whole && (free === undefined || free > FREE_SHARE * whole)) return [];
  const own = seen.rate?.[hop.way];
  const others = hop.rivals
    .slice(0, 3)
    .map((pair) => `${pair.from} to ${pair.to} ${bitRate(pair.bitsPerSecond)}`);
  return [
    {
      kind: 'saturated',
      weight: 72,
      where: hopName(hop),
      text: `${hop.from} to ${hop.to} is full: ${bitRate(used)} of ${bitRate(whole)} are in use`,
      evidence: [
        ...(own === undefined ? [] : [`this pair ${bitRate(own)}`]),
        ...(others.length > 0 ? others : ['no other pair of the overlay crosses here']),
      ].join(', '),
      next: others.length > 0 ? 'vnet matrix --pairs' : 'vnet net --links',
    },
  ];
}

function queueing(hop: Hop): Finding[] {
  const [rttUs, leastUs] = [trusted(hop.estimate?.rttUs), trusted(hop.estimate?.minRttUs)];
  if (rttUs === undefined || leastUs === undefined) return [];
  if (rttUs < QUEUEING_FACTOR * leastUs || rttUs - leastUs < QUEUEING_MIN_US) return [];
  return [
    {
      kind: 'queueing',
      weight: 52,
      where: hopName(hop),
      text: `frames wait in a queue between ${hop.from} and ${hop.to}`,
      evidence: `round trip ${roundTrip(rttUs)}, ${roundTrip(leastUs)} when it is empty`,
      next: 'vnet net --links',
    },
  ];
}

function throttled(hop: Hop, { hops }: PairObservation): Finding[] {
  const capacity = trusted(hop.estimate?.capacityBitsPerSecond);
  const widest = Math.max(
    0,
    ...hops
      .filter((other) => other.way === hop.way)
      .map((other) => trusted(other.estimate?.capacityBitsPerSecond) ?? 0),
  );
  if (capacity === undefined || widest < THROTTLED_FACTOR * capacity) return [];
  return [
    {
      kind: 'throttled',
      weight: 48,
      where: hopName(hop),
      text: `${hop.from} to ${hop.to} is much narrower than the rest of the way`,
      evidence: `${bitRate(capacity)} of capacity, the widest hop has ${bitRate(widest)}`,
      next: 'vnet net --links',
    },
  ];
}

function queueDrops(hop: Hop, overMs: number): Finding[] {
  if (hop.linkDrops <= 0) return [];
  return [
    {
      kind: 'queue-drops',
      weight: 56,
      where: hopName(hop),
      text: `the link from ${hop.from} to ${hop.to} drops frames: more comes than it takes`,
      evidence: `${hop.linkDrops} in ${Math.round(overMs)} ms`,
      next: `vnet links --host ${hop.from}`,
    },
  ];
}

/** Pieces that a frame of full size is split into here; 1: it passes whole, or the size is not known. */
export function piecesOf(datagramBytes: number, mtu: number | undefined): number {
  if (mtu === undefined || datagramBytes <= HEADER_BYTES + FRAGMENT_HEADER_BYTES + 2 * 6) return 1;
  if (HEADER_BYTES + ETHERNET_BYTES + mtu <= datagramBytes) return 1;
  return Math.ceil((ETHERNET_BYTES - 12 + mtu) / (datagramBytes - HEADER_BYTES - FRAGMENT_HEADER_BYTES - 12));
}

function fragmented(hop: Hop, mtu: number | undefined): Finding[] {
  const datagramBytes = hop.link?.datagramBytes ?? 0;
  const pieces = piecesOf(datagramBytes, mtu);
  if (pieces === 1) return [];
  return [
    {
      kind: 'fragmented',
      weight: 20,
      where: [hop.from, hop.to].sort().join(' - '),
      text: `frames of full size cross from ${hop.from} to ${hop.to} in ${pieces} pieces`,
      evidence: `datagrams carry ${datagramBytes} octets, the network's MTU is ${mtu}`,
      next: `vnet links --host ${hop.from}`,
    },
  ];
}
