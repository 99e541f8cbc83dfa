/** What makes a placement one at all: where VMs may be, and how paths lead. */
import { VnetError } from '../../core/index.js';
import type { Instance } from './instance.js';
import type { Placement } from './problem.js';
import { Reach } from './reach.js';

/** Sums of demands and their differences are equal within this part of a unit. */
export const ROUNDING = 1e-9;

/**
 * @throws VNET_ERR_INVALID, saying what, where a VM is on no host or on one where it may not be, a host's memory (or
 * CPUs, where they are never exceeded) does not suffice, VMs are not apart or together, a path does not lead from its
 * flow's source to its destination over edges that exist, without repeats and within the hops, or a flow has no path
 * though there is one: a flow that is left out would leave its room to the others.
 */
export function checkPlacement(instance: Instance, placement: Placement): void {
  const reason = whyInvalid(instance, placement);
  if (reason !== undefined) throw new VnetError('VNET_ERR_INVALID', `the answer is none: ${reason}`);
}

export function whyInvalid(instance: Instance, { mapping, paths }: Placement): string | undefined {
  if (mapping.length !== instance.vms) return `it places ${mapping.length} VMs of ${instance.vms}`;
  if (paths.length !== instance.flows) return `it has ${paths.length} paths for ${instance.flows} flows`;
  const reason = whyMappingInvalid(instance, mapping);
  if (reason !== undefined) return reason;
  const reach = new Reach(instance);
  for (let flow = 0; flow < instance.flows; flow++) {
    const why = whyPathInvalid(instance, reach, mapping, paths[flow] as Int32Array, flow);
    if (why !== undefined) return `the path of flow ${flow} ${flowName(instance, flow)}${why}`;
  }
  return undefined;
}

/** The part that routing cannot mend. */
export function whyMappingInvalid(instance: Instance, mapping: ArrayLike<number>): string | undefined {
  const { problem, hosts, vms } = instance;
  const memory = new Float64Array(hosts);
  for (let vm = 0; vm < vms; vm++) {
    const host = mapping[vm] as number;
    const name = problem.vms[vm]?.name ?? vm;
    if (!isHost(instance, host)) return `VM ${name} is on no host`;
    const at = problem.hosts[host]?.name ?? host;
    if (instance.allowed[vm * hosts + host] !== 1) return `VM ${name} may not be on ${at}`;
    memory[host] = (memory[host] as number) + (instance.vmMemory[vm] as number);
    if ((memory[host] as number) > (instance.hostMemory[host] as number) * (1 + ROUNDING))
      return `the memory of ${at} does not suffice`;
  }
  if (instance.missingCpu === Infinity && missingCpus(instance, mapping) > 0)
    return 'the CPUs of a host do not suffice';
  for (const set of instance.apart)
    if (hostsOf(set, mapping) < set.length) return `${vmNames(instance, set)} are not apart`;
  for (const set of instance.together)
    if (hostsOf(set, mapping) > 1) return `${vmNames(instance, set)} are not together`;
  return undefined;
}

export function missingCpus({ hosts, vms, hostCpus, vmCpus }: Instance, mapping: ArrayLike<number>): number {
  const used = new Float64Array(hosts);
  for (let vm = 0; vm < vms; vm++) {
    const host = mapping[vm] as number;
    used[host] = (used[host] as number) + (vmCpus[vm] as number);
  }
  let missing = 0;
  for (let host = 0; host < hosts; host++)
    missing += Math.max(0, (used[host] as number) - (hostCpus[host] as number) - ROUNDING);
  return missing;
}

/** An index past the row would be another host's edge. */
function isHost({ hosts }: Instance, host: number): boolean {
  return Number.isInteger(host) && host >= 0 && host < hosts;
}

function hostsOf(set: Int32Array, mapping: ArrayLike<number>): number {
  return new Set(Array.from(set, (vm) => mapping[vm])).size;
}

function vmNames({ problem }: Instance, set: Int32Array): string {
  return Array.from(set, (vm) => problem.vms[vm]?.name ?? vm).join(', ');
}

function flowName({ problem }: Instance, flow: number): string {
  const found = problem.flows[flow];
  return found ? `(${found.from} to ${found.to}) ` : '';
}

function whyPathInvalid(
  instance: Instance,
  reach: Reach,
  mapping: ArrayLike<number>,
  path: Int32Array,
  flow: number,
): string | undefined {
  const { hosts, flowFrom, flowTo } = instance;
  const [from, to] = [mapping[flowFrom[flow] as number] as number, mapping[flowTo[flow] as number] as number];
  if (path.length === 0) return reach.joins(from, to) ? 'is missing, though there is one' : undefined;
  if (path[0] !== from || path[path.length - 1] !== to) return 'does not join its VMs';
  if (path.length - 1 > instance.maxHops) return `has more than ${instance.maxHops} hops`;
  if (new Set(path).size < path.length) return 'passes a host twice';
  for (let i = 1; i < path.length; i++) {
    const [here, next] = [path[i - 1] as number, path[i] as number];
    if (!isHost(instance, next) || !((instance.bandwidth[here * hosts + next] as number) > 0))
      return 'takes an edge that does not exist';
    if (i < path.length - 1 && instance.relays[next] !== 1) return 'leads through a host that does not relay';
  }
  return undefined;
}
