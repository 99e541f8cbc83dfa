/** From a problem as data to arrays. O(hosts squared + VMs x hosts + flows). */
import { amount, atMost, invalid, size } from './amounts.js';
import { compileFlows, compilePlaces, trafficOfVms } from './compile-demands.js';
import { compileEdges, compileLinks, compileShared } from './compile-network.js';
import { type ChangeCosts, DEFAULT_COSTS, linkCost, moveCost } from './cost-of-change.js';
import type { Instance } from './instance.js';
import { Names } from './names.js';
import type { Problem } from './problem.js';

/** Hosts and VMs of one problem: arrays are hosts x hosts and VMs x hosts. */
export const HOSTS_MAX = 4096;
export const VMS_MAX = 8192;
export const FLOWS_MAX = 65_536;

/**
 * @throws VNET_ERR_INVALID, saying what, for a name that is nobody's or twice, a number that cannot be, a flow or an
 * edge to itself; VNET_ERR_LIMIT for a problem that is too large.
 */
export function compile(problem: Problem, costs: ChangeCosts = DEFAULT_COSTS): Instance {
  const [hosts, vms, flows] = [problem.hosts.length, problem.vms.length, problem.flows.length];
  atMost('hosts', hosts, HOSTS_MAX);
  atMost('VMs', vms, VMS_MAX);
  atMost('flows', flows, FLOWS_MAX);
  const names = new Names(problem.hosts, problem.vms);
  const demands = compileFlows(problem, names);
  const traffic = trafficOfVms(vms, demands);
  return {
    problem,
    hosts,
    vms,
    flows,
    ...compileEdges(problem, names),
    ...demands,
    ...compileShared(problem, names),
    ...compilePlaces(problem, names),
    relays: Uint8Array.from(problem.hosts, ({ relays = true }) => (relays ? 1 : 0)),
    maxHops: hopsAtMost(problem),
    hostCpus: Float64Array.from(problem.hosts, ({ cpus = Infinity }) => size('the CPUs of a host', cpus)),
    hostMemory: Float64Array.from(problem.hosts, ({ memoryBytes = Infinity }) =>
      size('the memory of a host', memoryBytes),
    ),
    vmCpus: Float64Array.from(problem.vms, ({ cpus = 0 }) => amount('the CPUs of a VM', cpus)),
    vmMemory: Float64Array.from(problem.vms, ({ memoryBytes = 0 }) =>
      amount('the memory of a VM', memoryBytes),
    ),
    missingCpu: size('missingCpuBitsPerSecond', problem.missingCpuBitsPerSecond ?? Infinity),
    moveCost: Float64Array.from(problem.vms, (vm, i) => moveCost(vm, traffic[i] as number, costs)),
    linked: compileLinks(problem, names),
    linkCost: linkCost(costs),
  };
}

function hopsAtMost({ maxHops, hosts }: Problem): number {
  const most = Math.max(1, hosts.length - 1);
  if (maxHops === undefined) return most;
  if (!Number.isInteger(maxHops) || maxHops < 1) throw invalid(`maxHops cannot be ${maxHops}`);
  return Math.min(maxHops, most);
}
