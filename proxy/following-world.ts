/** The overlay as `Following` sees it. */
import type { MacAddress, OverlayEvent, Vm } from '../core/index.js';
import { VnetError } from '../core/index.js';
import { Following, type FollowingWorld, type Heard } from './following.js';
import type { Overlay } from './overlay.js';
import { type HostPort, Placing } from './placing.js';

/** Follows VMs that others move; hand it every `source` event. */
export function followVms(overlay: Overlay): {
  source(event: Extract<OverlayEvent, { kind: 'source' }>): void;
  close(): void;
} {
  const following = new Following(worldOf(overlay));
  return {
    source: ({ host, port, mac, admitted, announced = false }) => {
      if (!admitted) following.heard({ host, port, mac, announced });
    },
    close: () => following.close(),
  };
}

function worldOf(overlay: Overlay): FollowingWorld {
  const placing = new Placing(overlay);
  const { clock, log } = overlay.options;
  return {
    clock,
    find: (heard) => find(overlay, heard),
    framesOf: (vm, place) => framesOf(overlay, vm, place),
    async move(vm, { host, port }) {
      log.info({ vm: vm.name, host, port }, 'a VM was moved by others: paths follow');
      try {
        await placing.place(vm.name, host, { port });
      } catch (thrown) {
        log.warn({ vm: vm.name, host, port, err: VnetError.from(thrown) }, 'cannot follow a VM that moved');
      }
    },
    conflict: (vm: Vm, mac: MacAddress, host: string, elsewhere: string) =>
      overlay.emit({ kind: 'conflict', vm: vm.name, mac, host, elsewhere }),
  };
}

function find(overlay: Overlay, { host, port, mac }: Heard): { vm: Vm; place: HostPort } | undefined {
  const config = overlay.members.get(host)?.installed;
  const known = config?.ports.find((other) => other.port === port);
  if (known?.role !== 'vms') return undefined;
  const network = config?.networks.find(({ id }) => id === known.network)?.name;
  const { topology, registry } = overlay;
  const vm = topology.vms.find((other) => other.network === network && other.macs.includes(mac));
  const place = vm && registry.places(topology).find(({ name, learnt }) => !learnt && name === vm.name);
  if (!vm || !place) return undefined;
  const isAdmitted = place.alsoAt?.host === host && place.alsoAt.port === port;
  return isAdmitted ? undefined : { vm, place };
}

/** The port's own counter tells, unless others stand behind it too and it is not silent as a whole. */
async function framesOf(overlay: Overlay, vm: Vm, place: HostPort): Promise<number | undefined | null> {
  const session = overlay.members.get(place.host)?.session;
  if (!session) return null;
  const { ports } = await session.view().catch(() => ({ ports: [] }));
  const port = ports.find((other) => other.port === place.port);
  if (!port?.up) return null;
  const isAlone = port.macs.every((mac) => vm.macs.includes(mac));
  return isAlone ? port.inFrames : undefined;
}
