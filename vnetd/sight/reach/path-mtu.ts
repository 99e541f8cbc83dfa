/** Path MTU by probes that must not be split, also where nobody tells what was too big (RFC 8899's idea, for ICMP). */

/**
 * Sizes worth trying, octets of an IP packet, ascending: IPv6's least, VPNs and mobile networks, 802.1Q in 802.1Q,
 * PPPoE, Ethernet, VXLAN's and the clouds' larger ones, jumbo frames.
 */
export const PATH_MTU_SIZES = [
  1280, 1340, 1400, 1420, 1440, 1450, 1460, 1476, 1480, 1492, 1496, 1500, 4470, 8500, 8950, 9000,
];

export type ProbeOutcome =
  | { kind: 'through' }
  /** `mtuBytes`: what a router says it takes; 0 where it does not say. */
  | { kind: 'tooBig'; mtuBytes: number }
  | { kind: 'lost' };

/**
 * The largest size that came through: one of `sizes`, or what a router named; undefined: not even the smallest.
 * A binary search: at most log2(sizes) probes and one for each size that a router names. `probe` tries again by itself.
 *
 * @param sizes ascending
 */
export async function searchPathMtu(
  sizes: readonly number[],
  probe: (packetBytes: number) => Promise<ProbeOutcome>,
): Promise<number | undefined> {
  let candidates = [...sizes];
  let best: number | undefined;
  let named = 0;
  while (candidates.length > 0) {
    const middle = candidates.length >> 1;
    const size = named || (candidates[middle] as number);
    named = 0;
    const outcome = await probe(size);
    if (outcome.kind === 'through') {
      best = size;
      candidates = candidates.filter((other) => other > size);
      continue;
    }
    candidates = candidates.filter((other) => other < size);
    if (outcome.kind !== 'tooBig' || outcome.mtuBytes <= (best ?? 0) || outcome.mtuBytes >= size) continue;
    named = outcome.mtuBytes;
    candidates = [...candidates.filter((other) => other < named), named];
  }
  return best;
}
