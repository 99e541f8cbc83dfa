/** What is wrong at one crossing: loss, no room, queues, pieces. */
import { edgeName, type Finding, hopName } from './finding.js';
import { loss } from './loss-trouble.js';
import type { Hop, PairObservation } from './observation.js';
import { queueing, saturated, throttled } from './room-trouble.js';

/** Fewer drops are a hiccup. */
const LINK_DROPS_PER_SECOND_MIN = 5;

/** docs/wire.md: hop part and, in a piece, the fragment header; the Ethernet header in front of the MTU. */
const HEADER_BYTES = 28;
const FRAGMENT_HEADER_BYTES = 8;
const ETHERNET_BYTES = 14;
/** Every piece repeats the two addresses. */
const MAC_PAIR_BYTES = 12;

export function hopTrouble(seen: PairObservation): Finding[] {
  return seen.hops.flatMap((hop) => [
    ...loss(hop),
    ...saturated(hop, seen),
    ...queueing(hop, seen),
    ...throttled(hop, seen),
    ...queueDrops(hop, seen.overMs),
    ...fragmented(hop, seen.mtu),
  ]);
}

function queueDrops(hop: Hop, overMs: number): Finding[] {
  if ((hop.linkDrops * 1000) / overMs < LINK_DROPS_PER_SECOND_MIN) return [];
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
  if (mtu === undefined || datagramBytes <= HEADER_BYTES + FRAGMENT_HEADER_BYTES + MAC_PAIR_BYTES) return 1;
  if (HEADER_BYTES + ETHERNET_BYTES + mtu <= datagramBytes) return 1;
  return Math.ceil(
    (ETHERNET_BYTES - MAC_PAIR_BYTES + mtu) /
      (datagramBytes - HEADER_BYTES - FRAGMENT_HEADER_BYTES - MAC_PAIR_BYTES),
  );
}

function fragmented(hop: Hop, mtu: number | undefined): Finding[] {
  const datagramBytes = hop.link?.datagramBytes ?? 0;
  const pieces = piecesOf(datagramBytes, mtu);
  if (pieces === 1) return [];
  return [
    {
      kind: 'fragmented',
      weight: 20,
      where: edgeName(hop),
      text: `frames of full size cross from ${hop.from} to ${hop.to} in ${pieces} pieces`,
      evidence: `datagrams carry ${datagramBytes} octets, the network's MTU is ${mtu}`,
      next: `vnet links --host ${hop.from}`,
    },
  ];
}
