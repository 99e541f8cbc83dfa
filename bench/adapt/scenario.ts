/** What an experiment stands on, as data: hosts with quotas and rates, VMs, an outside load. It goes into the JSON. */
import type { PathRule, PathSpec } from '../../lab/index.js';

export interface Scenario {
  /** Of the lab; short, as namespaces are named after it. */
  name: string;
  /** Beside the Proxy's, which is `home`. */
  hosts: BedHost[];
  /** The Proxy's access to the network, each way. */
  home: PathSpec;
  /**
   * Of the user's own star, in place of the Proxy's, which is of TCP: of UDP links Wren knows more than TCP tells
   * (docs/sight.md).
   */
  star?: 'udp';
  /** Between hosts, where it is not what their accesses add up to. */
  paths: PathRule[];
  vms: BedVm[];
  /** Processes that burn CPU on a host, and are no VM's. */
  load?: { host: string; workers: number };
}

export interface BedHost extends PathSpec {
  name: string;
  /** Of one processor of the machine: 0.3 is 30%. */
  cpus: number;
  /** VMs that there is memory for. */
  room: number;
}

export interface BedVm {
  name: string;
  host: string;
  /** Adaptation leaves it where it is. */
  pinned?: boolean;
}

/** A light VM of `patterns` or of the web application; what it has is memory to be moved. */
export const VM_MEMORY_BYTES = 8 * 2 ** 20;

export const macOf = (index: number): string => `02:00:00:00:80:${(index + 1).toString(16).padStart(2, '0')}`;
export const addressOf = (index: number): string => `10.9.0.${index + 10}`;
