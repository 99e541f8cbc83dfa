/** What is wrong with a script only where it is about to be applied: the running overlay is asked. */
import { applyChange, type ChangeRequest, type OverlayView, type Topology } from '../core/index.js';
import { type Diagnostic, portWithLinks, printStatement, routeSuspended, warningOf } from '../lang/index.js';
import type { Run } from './run.js';

/** Hosts asked for their interfaces; a script that gives more of them new ports is warned of these. */
const ASKED_MAX = 16;

/** Never fails: what cannot be asked is not warned of. `file`: what the warnings are about. */
export async function overlayWarnings(run: Run, file: string, request: ChangeRequest): Promise<Diagnostic[]> {
  const overlay = await run.client.overview().catch(() => undefined);
  if (!overlay) return [];
  const target = request.kind === 'target' ? request.topology : applyChange(overlay.topology, request.change);
  return [
    ...suspendedRoutes(file, overlay, target),
    ...(await portsWithLinks(run, file, overlay.topology, target)),
  ];
}

/** Routes whose VM was moved away from where its statement, which stays, has it. */
function suspendedRoutes(file: string, overlay: OverlayView, target: Topology): Diagnostic[] {
  const before = new Map(overlay.topology.vms.map((vm) => [vm.name, vm.host]));
  const now = new Map(overlay.vms.map((vm) => [vm.name, vm.host]));
  const moved = new Map(
    target.vms
      .filter((vm) => vm.pinned !== true && before.get(vm.name) === vm.host)
      .map((vm) => [vm.name, now.get(vm.name)])
      .filter(([name, host]) => host !== undefined && host !== before.get(name as string)) as [
      string,
      string,
    ][],
  );
  return target.routes.flatMap((route) => {
    const vm = [route.from, route.to].find((name) => moved.has(name));
    if (vm === undefined) return [];
    const text = printStatement('routes', route, target).replace(/ via .*/, '');
    return [warningOf(file, routeSuspended(text, vm, moved.get(vm) ?? ''))];
  });
}

/** New `packet:` ports on the interface that carries the links of their host. */
async function portsWithLinks(
  run: Run,
  file: string,
  running: Topology,
  target: Topology,
): Promise<Diagnostic[]> {
  const known = new Set(portsOf(running).map(({ host, port }) => `${host} ${port}`));
  const fresh = portsOf(target).filter(({ host, port }) => !known.has(`${host} ${port}`));
  const hosts = [...new Set(fresh.map(({ host }) => host))].slice(0, ASKED_MAX);
  const found = await Promise.all(
    hosts.map(async (host) => {
      const view = await run.client.hostView(host).catch(() => undefined);
      const endpoint = target.hosts.find(({ name }) => name === host)?.endpoint?.address;
      return (view?.interfaces ?? []).flatMap(({ name, addresses, linksFrom }) => {
        const port = fresh.find((each) => each.host === host && each.port === `packet:${name}`);
        const address = linksFrom ?? addresses.find((cidr) => cidr.split('/')[0] === endpoint);
        if (!port || address === undefined) return [];
        return [warningOf(file, portWithLinks(port.port, host, address.split('/')[0] ?? ''))];
      });
    }),
  );
  return found.flat();
}

const portsOf = ({ ports, vms }: Topology): { host: string; port: string }[] =>
  [...ports, ...vms].flatMap(({ host, port }) =>
    port?.startsWith('packet:') === true ? [{ host, port }] : [],
  );
