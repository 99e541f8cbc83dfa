/** VMs and flows as arrays: demands, and where each VM may be. */
import { amount, invalid } from './amounts.js';
import type { Instance } from './instance.js';
import type { Names } from './names.js';
import type { Problem } from './problem.js';
import { threadBytes } from './thread-arrays.js';

type Flows = Pick<Instance, 'flowFrom' | 'flowTo' | 'demand' | 'latencyBound' | 'flowStart' | 'flowsOfVm'>;

export function compileFlows({ vms, flows }: Problem, names: Names): Flows {
  const flowFrom = Int32Array.from(flows, ({ from }) => names.vm(from));
  const flowTo = Int32Array.from(flows, ({ to }) => names.vm(to));
  for (const [flow, { from }] of flows.entries())
    if (flowFrom[flow] === flowTo[flow]) throw invalid(`a flow leads from ${from} to itself`);
  const lists: number[][] = vms.map(() => []);
  for (const ends of [flowFrom, flowTo]) ends.forEach((vm, flow) => lists[vm]?.push(flow));
  const flowStart = new Int32Array(vms.length + 1);
  for (const [vm, list] of lists.entries()) flowStart[vm + 1] = (flowStart[vm] as number) + list.length;
  return {
    flowFrom,
    flowTo,
    demand: Float64Array.from(flows, ({ bitsPerSecond }) => amount('bits a second of a flow', bitsPerSecond)),
    latencyBound: Float64Array.from(flows, ({ maxLatencyUs = Infinity }) => {
      if (!(maxLatencyUs > 0))
        throw invalid(`a flow's latency cannot be bounded by ${maxLatencyUs} microseconds`);
      return maxLatencyUs;
    }),
    flowStart,
    flowsOfVm: Int32Array.from(lists.flat()),
  };
}

/** By VM: what all flows that begin or end there take. */
export function trafficOfVms(vms: number, { flowFrom, flowTo, demand }: Flows): Float64Array {
  const traffic = new Float64Array(vms);
  for (const ends of [flowFrom, flowTo])
    ends.forEach((vm, flow) => {
      traffic[vm] = (traffic[vm] as number) + (demand[flow] as number);
    });
  return traffic;
}

type Places = Pick<Instance, 'allowed' | 'pinned' | 'apart' | 'together' | 'presentHost'>;

/** A pinned VM is where it is pinned, whatever `allowed` says. */
export function compilePlaces({ hosts, vms, apart, together, present }: Problem, names: Names): Places {
  const count = hosts.length;
  const allowed = threadBytes(vms.length * count);
  const pinned = new Int32Array(vms.length).fill(-1);
  for (const [vm, { pinned: pin, allowed: where }] of vms.entries()) {
    if (pin !== undefined) pinned[vm] = names.host(pin);
    if (pin === undefined && where === undefined) allowed.fill(1, vm * count, (vm + 1) * count);
    for (const host of pin === undefined ? (where ?? []) : [pin]) allowed[vm * count + names.host(host)] = 1;
  }
  const sets = (lists: readonly (readonly string[])[] = []) =>
    lists.map((list) => Int32Array.from(new Set(list.map((name) => names.vm(name)))));
  const presentHost = new Int32Array(vms.length).fill(-1);
  for (const [vm, host] of Object.entries(present?.mapping ?? {}))
    presentHost[names.vm(vm)] = names.host(host);
  return { allowed, pinned, apart: sets(apart), together: sets(together), presentHost };
}
