/** Room at one crossing: links that are full, queues that stand, hops narrower than the rest. */
import { bitRate, roundTrip } from '../format.js';
import { edgeName, type Finding, hopName } from './finding.js';
import type { Hop, PairObservation } from './observation.js';
import { trusted } from './trust.js';

/** In use above this share of the capacity, or free below that one: full. */
const IN_USE_SHARE = 0.85;
const FREE_SHARE = 0.1;
/** Other pairs that evidence names. */
const RIVALS_NAMED = 3;
/** A link that nobody uses is not full, whatever its estimate says. */
const IN_USE_MIN_BITS_PER_SECOND = 100_000;

/** A round trip above the least seen by this factor, and by this much, waits in queues. */
const QUEUEING_FACTOR = 2;
const QUEUEING_MIN_US = 5000;
/** What the kernel knows of a TCP link holds delayed acknowledgements, up to 40 ms of them. */
const TCP_QUEUEING_MIN_US = 60_000;

/** Narrower than the widest hop of the path by this factor: throttled. */
const THROTTLED_FACTOR = 4;

/** More comes than the hop takes: by its estimates, or since its queue stands and this is the busy direction. */
export function saturated(hop: Hop, seen: PairObservation): Finding[] {
  const used = usedOn(hop);
  if (used < IN_USE_MIN_BITS_PER_SECOND) return [];
  const wait = queueingOf(hop);
  const whole = fullCapacity(hop);
  if (whole === undefined && !(wait && isBusier(hop, seen))) return [];
  const own = seen.rate?.[hop.way];
  const others = hop.rivals
    .slice(0, RIVALS_NAMED)
    .map((pair) => `${pair.from} to ${pair.to} ${bitRate(pair.bitsPerSecond)}`);
  return [
    {
      kind: 'saturated',
      weight: 72,
      where: hopName(hop),
      text: `${hop.from} to ${hop.to} is full: ${bitRate(used)}${whole === undefined ? '' : ` of ${bitRate(whole)}`} in use${wait ? `, and frames wait ${roundTrip(wait.rttUs - wait.leastUs)} in its queue` : ''}`,
      evidence: [
        ...(own === undefined ? [] : [`this pair ${bitRate(own)}`]),
        ...(others.length > 0 ? others : ['no other pair of the overlay crosses here']),
      ].join(', '),
      next: others.length > 0 ? 'vnet matrix --pairs' : 'vnet net --links',
    },
  ];
}

const usedOn = (hop: Hop | undefined): number => hop?.estimate?.throughputBitsPerSecond.value ?? 0;

const reverseOf = (hop: Hop, { hops }: PairObservation): Hop | undefined =>
  hops.find((other) => other.from === hop.to && other.to === hop.from);

/** A round trip does not say in which direction frames wait: it is the one with more in it. */
function isBusier(hop: Hop, seen: PairObservation): boolean {
  const more = usedOn(hop) - usedOn(reverseOf(hop, seen));
  return more > 0 || (more === 0 && hop.way === 'there');
}

/** The capacity, where the estimates say that it is used up. */
function fullCapacity({ estimate }: Hop): number | undefined {
  const used = estimate?.throughputBitsPerSecond.value ?? 0;
  const capacity = trusted(estimate?.capacityBitsPerSecond);
  const bound = estimate?.availableBitsPerSecond?.atLeast === true;
  const free = bound ? undefined : trusted(estimate?.availableBitsPerSecond);
  const whole = capacity ?? (free === undefined ? undefined : used + free);
  if (whole === undefined) return undefined;
  return used >= IN_USE_SHARE * whole || (free !== undefined && free <= FREE_SHARE * whole)
    ? whole
    : undefined;
}

/** Round trip and the least seen, where they say that a queue stands between the two. */
function queueingOf({ estimate }: Hop): { rttUs: number; leastUs: number } | undefined {
  const [rttUs, leastUs] = [trusted(estimate?.rttUs), trusted(estimate?.minRttUs)];
  if (rttUs === undefined || leastUs === undefined) return undefined;
  const leastWaitUs = estimate?.rttUs?.method === 'tcp-info' ? TCP_QUEUEING_MIN_US : QUEUEING_MIN_US;
  return rttUs >= QUEUEING_FACTOR * leastUs && rttUs - leastUs >= leastWaitUs
    ? { rttUs, leastUs }
    : undefined;
}

/** A queue that the overlay did not fill: something else uses the path. */
export function queueing(hop: Hop, seen: PairObservation): Finding[] {
  const wait = queueingOf(hop);
  const busiest = Math.max(usedOn(hop), usedOn(reverseOf(hop, seen)));
  if (!wait || busiest >= IN_USE_MIN_BITS_PER_SECOND) return [];
  return [
    {
      kind: 'queueing',
      weight: 52,
      where: edgeName(hop),
      text: `frames wait in a queue between ${hop.from} and ${hop.to}, and the overlay sends little there`,
      evidence: `round trip ${roundTrip(wait.rttUs)}, ${roundTrip(wait.leastUs)} when the queue is empty`,
      next: 'vnet net --links',
    },
  ];
}

export function throttled(hop: Hop, { hops }: PairObservation): Finding[] {
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
