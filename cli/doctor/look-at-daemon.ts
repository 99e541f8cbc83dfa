/** Asks the daemon of this machine, and the Proxy about it. */
import { type LocalView, type OverlayView, VnetError } from '../../core/index.js';
import type { Run } from '../run.js';
import type { DaemonFacts } from './daemon-facts.js';

export async function lookAtDaemon(run: Run): Promise<DaemonFacts> {
  try {
    const local = await run.view();
    const overlay = await run.overlayIfReachable();
    const facts = factsOf(local, overlay);
    const seenAs = overlay ? await seenByProxy(run, local) : undefined;
    const clockAheadMs = overlay ? await clockAhead(run) : undefined;
    return {
      ...facts,
      ...(seenAs === undefined ? {} : seenAs),
      ...(clockAheadMs === undefined ? {} : { clockAheadMs }),
    };
  } catch (thrown) {
    return { error: VnetError.from(thrown).message };
  }
}

function factsOf(local: LocalView, overlay: OverlayView | undefined): DaemonFacts {
  const declared = overlay?.topology.hosts.find((host) => host.name === local.host)?.endpoint;
  const up = local.links.filter((link) => link.up);
  return {
    host: local.host,
    role: local.role,
    uptimeMs: local.uptimeMs,
    proxy: local.proxy,
    sealed: local.sealed.links && local.sealed.control,
    linksUp: up.length,
    linksDown: local.links.filter((link) => !link.up).map(({ peer, type, state }) => ({ peer, type, state })),
    portsDown: local.ports.filter((port) => !port.up).map(({ port, state }) => ({ port, state })),
    starTypes: up.filter((link) => link.peer === local.proxy.name).map((link) => link.type),
    linkInterfaces: local.interfaces.filter((each) => each.linksFrom !== undefined).map((each) => each.name),
    ownAddresses: local.interfaces.flatMap((each) => each.addresses),
    ...(local.networks.length === 0 ? {} : { mtu: Math.max(...local.networks.map(({ mtu }) => mtu)) }),
    ...(declared ? { declared: `${declared.address}:${declared.port}` } : {}),
  };
}

/** Where our datagrams come from as the Proxy gets them; nothing where it cannot say. */
async function seenByProxy(run: Run, local: LocalView): Promise<Pick<DaemonFacts, 'seenAs'> | undefined> {
  if (local.role === 'proxy') return undefined;
  try {
    const { links } = await run.client.hostView(local.proxy.name);
    const ours = links.filter((link) => link.peer === local.host && link.up);
    return { seenAs: ours.flatMap(({ remote }) => (remote === undefined ? [] : [remote])) };
  } catch (thrown) {
    if (VnetError.from(thrown).code === 'VNET_ERR_INTERNAL') throw thrown;
    return undefined;
  }
}

/** By the newest time stamp that the Proxy gives; the way here takes milliseconds, which do not matter. */
async function clockAhead(run: Run): Promise<number | undefined> {
  try {
    const views = await Promise.all([run.client.inferredTopology(), run.client.underlay()]);
    const newest = Math.max(...views.map((view) => Date.parse(view.at)).filter(Number.isFinite));
    return Number.isFinite(newest) ? newest - Date.now() : undefined;
  } catch {
    return undefined; // a Proxy without sight, or several networks: the clock is only an extra
  }
}
