/** What runs VMs on this host; loaded at the first use, since most hosts run none. */
import type { VmDriver } from '../core/index.js';
import { ExecDriver, NetnsDriver, QemuDriver } from '../vm/index.js';

export interface VmDriversOptions {
  /** Sockets and notes of the VMs. */
  directory: string;
  /** Where moves to this host go, unless they say otherwise. */
  address: string | undefined;
}

export function vmDrivers({ directory, address }: VmDriversOptions): VmDriver[] {
  return [new QemuDriver({ directory, address }), new NetnsDriver(), new ExecDriver()];
}
