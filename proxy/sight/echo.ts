/** Overlay pings: from the port of one VM to another's, as the forwarding rules have it now. */
import {
  DEFAULT_MTU,
  type EchoOptions,
  type EchoRequest,
  networkId,
  parseMac,
  type Topology,
  VnetError,
} from '../../core/index.js';
import type { Place } from '../lowering/index.js';
import { findPlace, isMacText } from '../places.js';

const ETHERNET_HEADER_BYTES = 14;
const LEAST_FRAME_BYTES = 60;

/** Who sends what. @throws VNET_ERR_NOT_FOUND for unknown ends, VNET_ERR_INVALID for values out of range. */
export function echoRequest(
  topology: Topology,
  places: readonly Place[],
  from: string,
  to: string,
  options: EchoOptions,
): { host: string; request: EchoRequest } {
  const inNetwork = places.filter(({ network }) => !options.network || network === options.network);
  const source = find(inNetwork, from);
  const target = find(
    inNetwork.filter(({ network }) => network === source.network),
    to,
  );
  const [sourceMac, destination] = [macOf(source, from), macOf(target, to)];
  const network = topology.networks.find(({ name }) => name === source.network) ?? { name: source.network };
  refuseOversize(options.bytes, network.mtu ?? DEFAULT_MTU);
  const { count, bytes, intervalMs, timeoutMs } = options;
  return {
    host: source.host,
    request: {
      network: networkId(network),
      port: source.port,
      source: sourceMac,
      destination,
      count,
      bytes,
      intervalMs,
      timeoutMs,
    },
  };
}

function find(places: readonly Place[], end: string): Place {
  const place = findPlace(places, end);
  if (place) return place;
  throw new VnetError('VNET_ERR_NOT_FOUND', `nothing called ${end} is attached to the overlay`, {
    hint: 'name a VM or an address that `vnet vms` lists',
  });
}

function macOf({ macs }: Place, end: string) {
  const mac = isMacText(end) ? parseMac(end) : macs[0];
  if (mac === undefined) throw new VnetError('VNET_ERR_INVALID', `${end} has no address`);
  return mac;
}

/** The rest of the request is the daemon's to check. */
function refuseOversize(bytes: number, mtu: number): void {
  const most = mtu + ETHERNET_HEADER_BYTES;
  if (bytes >= LEAST_FRAME_BYTES && bytes <= most) return;
  throw new VnetError('VNET_ERR_INVALID', `cannot send frames of ${bytes} octets`, {
    hint: `give ${LEAST_FRAME_BYTES} to ${most} octets: the network's MTU and a header`,
  });
}
