/**
 * What to reserve for a placement (VRESERVE, VSched; Virtuoso 6.1): for each direction of a fast-path link what its
 * flows need, with head-room; for a VM that waits for a CPU, the CPU that it asks for. A reservation that is there
 * stays while it is about right: to change it costs more than it brings.
 */
import type { Adapted, AdaptedLink, CpuReservation, LinkReservation } from '../../core/index.js';
import type { Placement } from '../model/problem.js';
import { type Draft, pathNames } from './draft.js';
import { cpuDemand } from './hosts.js';
import { WAITS_MIN } from './vms.js';

/** Over what the flows send now: elastic ones grow into it. */
export const LINK_HEADROOM = 1.25;
/** Of a link's capacity: the rest is for the overlay's own keep-alives and trains. */
export const LINK_SHARE_MAX = 0.9;
/** Less is not worth a class in a queue. Bits a second. */
export const LINK_RESERVED_MIN = 100_000;
export const CPU_HEADROOM = 1.25;
/** VSched's examples and the kernel's default: 100 ms. */
export const CPU_PERIOD_US = 100_000;
/** CPUs: slices are multiples of it. */
const CPU_STEP = 0.05;
/** A reservation within this of what is needed stays. */
export const RESERVED_ABOUT = 0.3;

/** Beside the user's, which stand. Those of links that go, go too. */
export function linkReservations(
  draft: Draft,
  placement: Placement,
  links: readonly AdaptedLink[],
): LinkReservation[] {
  const { adapted, topology } = draft.snapshot;
  const isThere = new Set(links.flatMap(({ type, a, b }) => [`${type} ${a} ${b}`, `${type} ${b} ${a}`]));
  if (!draft.settings.mechanisms.includes('reservation'))
    return adapted.linkReservations.filter(({ type, from, to }) => isThere.has(`${type} ${from} ${to}`));
  const users = new Set(topology.linkReservations.map(({ type, from, to }) => `${type} ${from} ${to}`));
  const demand = demandOf(draft, placement);
  return links.flatMap(({ type, a, b }) =>
    [[a, b] as const, [b, a] as const].flatMap(([from, to]): LinkReservation[] => {
      const before = adapted.linkReservations.find(
        (one) => one.type === type && one.from === from && one.to === to,
      );
      const most = LINK_SHARE_MAX * (draft.edges.get(`${from} ${to}`)?.bitsPerSecond ?? 0);
      const wanted = Math.floor(Math.min(most, LINK_HEADROOM * (demand.get(`${from} ${to}`) ?? 0)));
      if (users.has(`${type} ${from} ${to}`) || wanted < LINK_RESERVED_MIN) return [];
      if (before && about(before.bitsPerSecond, wanted) && before.bitsPerSecond <= most) return [before];
      return [{ type, from, to, bitsPerSecond: wanted }];
    }),
  );
}

/** By `from to` of hosts, bits a second. */
function demandOf(draft: Draft, { paths }: Placement): ReadonlyMap<string, number> {
  const demand = new Map<string, number>();
  for (const [flow, path] of paths.entries()) {
    const hosts = pathNames(draft, path);
    for (let i = 1; i < hosts.length; i++) {
      const key = `${hosts[i - 1]} ${hosts[i]}`;
      demand.set(key, (demand.get(key) ?? 0) + (draft.flows[flow]?.bitsPerSecond ?? 0));
    }
  }
  return demand;
}

/** For VMs that wait, on the hosts where they will be, as far as the CPUs go. */
export function cpuReservations(draft: Draft, { mapping }: Placement): CpuReservation[] {
  const { snapshot, settings, problem } = draft;
  const before: Adapted['cpuReservations'] = snapshot.adapted.cpuReservations;
  if (!settings.mechanisms.includes('cpu')) return before;
  const ours = new Set(problem.vms.map(({ name }) => name));
  const users = new Set(snapshot.topology.cpuReservations.map(({ vm }) => vm));
  const left = reservable(draft, mapping);
  const reserved: CpuReservation[] = before.filter(({ vm }) => !ours.has(vm));
  for (const [i, { name }] of problem.vms.entries()) {
    const vm = snapshot.vms.find((one) => one.vm === name);
    const cpu = vm && cpuDemand(vm, snapshot);
    const old = before.find((one) => one.vm === name);
    // One that waits no more because of its reservation keeps it.
    if (!vm || users.has(name) || !(old || (cpu && cpu.waits >= WAITS_MIN))) continue;
    const host = mapping[i] as number;
    const most = Math.min(left[host] as number, vm.cpus > 0 ? vm.cpus : Infinity);
    const wanted = Math.min(most, stepUp(CPU_HEADROOM * (cpu?.demand ?? 0)));
    if (!(wanted >= CPU_STEP)) continue;
    left[host] = (left[host] as number) - wanted;
    const sliceUs = Math.floor(wanted * CPU_PERIOD_US);
    const keeps = old?.periodUs === CPU_PERIOD_US && about(old.sliceUs, sliceUs);
    reserved.push(keeps && old ? old : { vm: name, periodUs: CPU_PERIOD_US, sliceUs });
  }
  return reserved;
}

/** By host. A VM that stays can have what it uses, though others would take it if the VM left. */
function reservable({ snapshot, problem, present, queues }: Draft, mapping: Int32Array): number[] {
  const left = problem.hosts.map(({ cpus }) => cpus ?? 0);
  for (const [i, { name }] of problem.vms.entries()) {
    const host = mapping[i] as number;
    if (Number.isNaN(queues[host]) || present.mapping[i] !== host) continue;
    const vm = snapshot.vms.find((one) => one.vm === name);
    left[host] = (left[host] as number) + ((vm && cpuDemand(vm, snapshot)?.used) ?? 0);
  }
  return left;
}

const about = (is: number, wanted: number): boolean => Math.abs(is - wanted) <= RESERVED_ABOUT * wanted;
const stepUp = (cpus: number): number => Math.ceil(cpus / CPU_STEP) * CPU_STEP;
