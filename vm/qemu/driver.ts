/** VMs run by QEMU, one process each, which outlives the daemon. */
import { closeSync } from 'node:fs';
import {
  type HostMachine,
  type MoveOptions,
  type QemuMachine,
  VnetError,
  type VmDriver,
  type VmEvents,
  type VmObstacle,
  type VmSpec,
} from '../../core/index.js';
import { localFacts, obstaclesOf, stateObstacles } from './check.js';
import { type CommandFacts, commandLine, CPU_OF } from './command-line.js';
import { diskFacts, localAccelerator, lookAtQemu, QEMU } from './facts.js';
import { Incoming } from './incoming.js';
import { Instance } from './instance.js';
import { Layout } from './layout.js';
import { RECOVERY_MS } from './limits.js';
import { PostCopyTail } from './post-copy-tail.js';
import { findQemu } from './process.js';
import { RunningQemu, type RunningOptions } from './running.js';
import { loadState, openStateFile } from './state.js';
import { uriOf } from './ticket.js';
import type { MigrationInfo } from './transfer.js';

type Beginning = 'boot' | 'state' | 'move';

export interface QemuDriverOptions {
  /** Absolute; a folder a VM is made in it. Short: sockets are in there (107 octets in all). */
  directory: string;
  /** Of this host, for moves to it whose options name none. */
  address?: string | undefined;
  /** Name on the PATH, or a path. Default `qemu-system-x86_64`. */
  program?: string;
  /** Both halves of a post-copy whose connection broke wait so long for each other. Default RECOVERY_MS. */
  recoveryMs?: number;
}

export class QemuDriver implements VmDriver {
  readonly kind = 'qemu';
  readonly #program: string;
  #available: true | undefined;

  constructor(readonly options: QemuDriverOptions) {
    this.#program = options.program ?? QEMU;
  }

  async available(): Promise<true | string> {
    if (this.#available) return true;
    const answer = await lookAtQemu(this.#program);
    if (answer === true) this.#available = true;
    return answer;
  }

  async check(spec: VmSpec, from?: HostMachine): Promise<VmObstacle[]> {
    const facts = localFacts(await this.available(), localAccelerator());
    return obstaclesOf(spec, spec.port ?? this.portOf(spec), facts, from);
  }

  portOf(spec: VmSpec): string {
    return `unix-connect:${this.#layout(spec).nic}`;
  }

  async start(spec: VmSpec, port: string, events: VmEvents): Promise<RunningQemu> {
    const begin = stateOf(spec) === undefined ? 'boot' : 'state';
    const instance = await this.#launch(spec, port, begin);
    const resumed = new Promise<void>((resolve) => {
      const silence = instance.qmp.onEvent(({ event }) => {
        if (event !== 'RESUME') return;
        silence();
        resolve();
      });
    });
    try {
      if (begin === 'state') await loadState(instance);
      await instance.qmp.execute('cont');
      await Promise.race([resumed, instance.ended]);
    } catch (error) {
      await this.#undo(instance);
      throw error;
    }
    return new RunningQemu(instance, events, this.#running());
  }

  async adopt(spec: VmSpec, _port: string, events: VmEvents): Promise<RunningQemu | undefined> {
    const layout = this.#layout(spec);
    const instance = await Instance.attach(layout);
    if (instance === undefined) return undefined;
    const mark = layout.marked();
    if (mark?.role === 'receiving') {
      // It never executed here: its source was not told that it may.
      await this.#undo(instance);
      return undefined;
    }
    const vm = new RunningQemu(instance, events, this.#running());
    if (mark !== undefined) vm.takeUp(mark.ticket);
    else await followTail(vm);
    return vm;
  }

  async receive(spec: VmSpec, port: string, options: MoveOptions, events: VmEvents): Promise<Incoming> {
    const address = options.address ?? this.options.address;
    if (address === undefined) {
      throw new VnetError('VNET_ERR_INVALID', `at which address VM ${spec.name} is received is not known`, {
        hint: 'give the host an address in the script, or the move the option address',
      });
    }
    const instance = await this.#launch(spec, port, 'move');
    try {
      return await Incoming.open(instance, address, events, this.#running());
    } catch (error) {
      await this.#undo(instance);
      throw error;
    }
  }

  async #launch(spec: VmSpec, port: string, begin: Beginning): Promise<Instance> {
    const available = await this.available();
    if (available !== true) throw new VnetError('VNET_ERR_UNSUPPORTED', `QEMU cannot be used: ${available}`);
    const layout = this.#layout(spec);
    if (findQemu(layout) !== undefined) {
      throw new VnetError('VNET_ERR_CONFLICT', `VM ${spec.name} runs here already`, {
        hint: 'stop it, or take it over by restarting the daemon',
      });
    }
    const facts = commandFacts(spec);
    const args = commandLine(spec, port, layout, facts, begin !== 'boot');
    const state = begin === 'state' ? openState(spec) : undefined;
    try {
      layout.make();
      if (begin !== 'boot') layout.mark({ role: 'receiving' });
      return await Instance.launch(this.#program, args, layout, state);
    } catch (error) {
      layout.clean();
      throw error;
    } finally {
      if (state !== undefined) closeSync(state);
    }
  }

  async #undo(instance: Instance): Promise<void> {
    await instance.quit();
    instance.layout.clean();
  }

  #layout(spec: VmSpec): Layout {
    return new Layout(this.options.directory, spec);
  }

  #running(): RunningOptions {
    const accelerator = localAccelerator();
    const recoveryMs = this.options.recoveryMs ?? RECOVERY_MS;
    return { accelerator, cpu: CPU_OF[accelerator], recoveryMs };
  }
}

/** @throws VNET_ERR_NOT_FOUND where a file of the VM cannot be read */
function commandFacts(spec: VmSpec): CommandFacts {
  const { disk } = spec.machine as QemuMachine;
  const accelerator = localAccelerator();
  if (disk === undefined) return { accelerator };
  try {
    return { accelerator, disk: diskFacts(disk) };
  } catch (cause) {
    const message = `the disk of VM ${spec.name} cannot be read: ${(cause as Error).message}`;
    throw new VnetError('VNET_ERR_NOT_FOUND', message, { cause, hint: 'put it there, or mount its storage' });
  }
}

const stateOf = ({ machine }: VmSpec): string | undefined => (machine as QemuMachine).state;

/** @throws VNET_ERR_REFUSED where it must not begin from its state */
function openState(spec: VmSpec): number {
  const obstacle = stateObstacles(spec.machine as QemuMachine)[0];
  if (obstacle !== undefined) {
    const { message, hint } = obstacle;
    throw new VnetError('VNET_ERR_REFUSED', `VM ${spec.name} cannot begin: ${message}`, {
      ...(hint === undefined ? {} : { hint }),
    });
  }
  return openStateFile(stateOf(spec) as string);
}

/** A VM that came by post-copy and misses pages still. */
async function followTail(vm: RunningQemu): Promise<void> {
  const info = await vm.instance.qmp.execute<MigrationInfo>('query-migrate');
  const at = info['socket-address']?.[0];
  if (info.status?.startsWith('postcopy') && at !== undefined)
    new PostCopyTail(vm, uriOf(at.host, Number(at.port)));
}
