/** Addresses that packets do not reach from the open Internet: RFC 1918, 6598, 3927, 4193, 4291 and loopback. */
import { BlockList, isIP, isIPv4 } from 'node:net';
import { type Endpoint, VnetError } from '../core/index.js';

const privateBlocks = new BlockList();
for (const [network, prefix] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['169.254.0.0', 16],
  ['127.0.0.0', 8],
] as const) {
  privateBlocks.addSubnet(network, prefix, 'ipv4');
}
for (const [network, prefix] of [
  ['fc00::', 7],
  ['fe80::', 10],
  ['::1', 128],
] as const) {
  privateBlocks.addSubnet(network, prefix, 'ipv6');
}

/** `address` is an IP literal; IPv4-mapped IPv6 counts as IPv4. */
export function isPrivateAddress(address: string): boolean {
  const plain = address.toLowerCase().startsWith('::ffff:') ? address.slice(7) : address;
  return privateBlocks.check(plain, isIPv4(plain) ? 'ipv4' : 'ipv6');
}

/** Throws VNET_ERR_REFUSED for a Proxy at a public address, unless that was asked for. Names are looked at when they resolve. */
export function refuseOpenAddress({ proxy, insecure }: { proxy?: Endpoint; insecure: boolean }): void {
  if (!proxy || insecure || !isIP(proxy.address) || isPrivateAddress(proxy.address)) return;
  throw new VnetError(
    'VNET_ERR_REFUSED',
    `${proxy.address} is not a private address, and links are not sealed yet`,
    {
      hint: 'use a private network or a tunnel, or accept the risk with --insecure',
    },
  );
}
