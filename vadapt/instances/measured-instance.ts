/** An instance of a measured network and a recorded application. */
import { OBJECTIVES, type Objective } from '../model/objective.js';
import type { Problem } from '../model/problem.js';
import type { InstanceFile } from './instance-file.js';
import type { Traffic } from './measured-traffic.js';

export interface MeasuredOptions {
  name: string;
  about: string;
  objective?: Objective;
  /** VMs for which a host has memory; default: enough for all VMs and a quarter more. */
  vmsOfHost?: number;
  /** Bits a second within a host; default: of the widest edge. */
  localBitsPerSecond?: number;
  maxHops?: number;
}

const VM_BYTES = 2 ** 30;
const SPARE = 1.25;

export function measuredInstance(
  { hosts, edges }: Pick<Problem, 'hosts' | 'edges'>,
  { vms, flows }: Traffic,
  options: MeasuredOptions,
): InstanceFile {
  const { name, about, objective = OBJECTIVES.residual, maxHops } = options;
  const room = options.vmsOfHost ?? Math.ceil((SPARE * vms.length) / hosts.length);
  const localBitsPerSecond = options.localBitsPerSecond ?? widest(edges);
  return {
    name,
    about,
    objective,
    problem: {
      hosts: hosts.map((host) => ({ ...host, memoryBytes: room * VM_BYTES, localBitsPerSecond })),
      edges,
      vms: vms.map((vm) => ({ name: vm, memoryBytes: VM_BYTES })),
      flows,
      ...(maxHops === undefined ? {} : { maxHops }),
    },
  };
}

function widest(edges: Problem['edges']): number {
  let most = 0;
  if ('bitsPerSecond' in edges)
    for (let i = 0; i < edges.bitsPerSecond.length; i++)
      most = Math.max(most, edges.bitsPerSecond[i] as number);
  else for (const { bitsPerSecond } of edges) most = Math.max(most, bitsPerSecond);
  return most;
}
