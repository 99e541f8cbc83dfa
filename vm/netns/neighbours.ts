/**
 * A VM's neighbour entries (ARP, NDP) outlive a move. The kernel forgets them while the interface's other end is down; a
 * VM that sends in that moment would ask for an address in vain, and again only after a second (RFC 4861, RETRANS_TIMER).
 */
import { outputOf, spawnTool } from './ip.js';

/** Networking documentation of Linux, ip-sysctl; an older kernel than 5.16 has no such files and forgets all the same. */
const KEEP = `
for file in ipv4/conf/all/arp_evict_nocarrier ipv6/conf/all/ndisc_evict_nocarrier; do
  [ ! -w /proc/sys/net/$file ] || echo 0 > /proc/sys/net/$file || :
done`;

/** For all interfaces of the namespace, from now on. */
export async function keepNeighbours(namespace: string): Promise<void> {
  const tool = spawnTool('ip', ['netns', 'exec', namespace, 'sh', '-c', KEEP]);
  await outputOf(tool, `keeping the neighbours of ${namespace}`);
}
