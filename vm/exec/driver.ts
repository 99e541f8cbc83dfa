/** VMs that a command of the user's runs and moves: virsh, pct, a script with ssh and rsync. See protocol.ts. */
import type {
  ExecMachine,
  HostMachine,
  MoveOptions,
  ReceivingVm,
  RunningVm,
  VmDriver,
  VmEvents,
  VmObstacle,
  VmSpec,
} from '../../core/index.js';
import { VnetError } from '../../core/index.js';
import { interfaceNameOf } from '../netns/index.js';
import { runCommand } from './command.js';
import { ExecArrival } from './exec-arrival.js';
import { type ExecPlace, ExecVm, statusOf } from './exec-vm.js';
import { ASK_TIMEOUT_MS, START_TIMEOUT_MS } from './limits.js';

export interface ExecDriverOptions {
  /** Between two `status` while a VM runs. Default 5 s. */
  statusPollMs?: number;
}

export class ExecDriver implements VmDriver {
  readonly kind = 'exec';
  readonly #pollMs: number | undefined;

  constructor(options: ExecDriverOptions = {}) {
    this.#pollMs = options.statusPollMs;
  }

  /** Whether a command works is told by its `check`. */
  available(): Promise<true> {
    return Promise.resolve(true);
  }

  /** A TAP that the command joins its VM to. */
  portOf(spec: VmSpec): string {
    return spec.port ?? `tap:${interfaceNameOf(spec.name)}`;
  }

  async check(spec: VmSpec, from?: HostMachine): Promise<VmObstacle[]> {
    try {
      const command = commandOf(spec);
      const input = { spec, ...(from === undefined ? {} : { from }) };
      return (await runCommand(command, 'check', input, ASK_TIMEOUT_MS).done).obstacles ?? [];
    } catch (thrown) {
      const { message, hint } = VnetError.from(thrown);
      return [{ kind: 'driver', message, ...(hint === undefined ? {} : { hint }), blocking: true }];
    }
  }

  async start(spec: VmSpec, port: string, events: VmEvents): Promise<RunningVm> {
    const place = placeOf(spec, port);
    const run = runCommand(place.command, 'start', { spec, port }, START_TIMEOUT_MS);
    try {
      const { console } = await run.done;
      return this.#vm(place, events, 'running', console);
    } catch (failure) {
      // It may run all the same: a command that failed after it, or took too long.
      const { state, console } = await statusOf(place).catch(() => ({
        state: 'stopped' as const,
        console: undefined,
      }));
      if (state === 'stopped') throw failure;
      return this.#vm(place, events, state, console);
    }
  }

  async adopt(spec: VmSpec, port: string, events: VmEvents): Promise<RunningVm | undefined> {
    const place = placeOf(spec, port);
    const { state, console } = await statusOf(place);
    return state === 'stopped' ? undefined : this.#vm(place, events, state, console);
  }

  receive(spec: VmSpec, port: string, options: MoveOptions, events: VmEvents): Promise<ReceivingVm> {
    return ExecArrival.begin(placeOf(spec, port), options, events, this.#pollMs);
  }

  #vm(place: ExecPlace, events: VmEvents, state: 'running' | 'paused', console?: string): ExecVm {
    return new ExecVm(place, events, { state, ...(console === undefined ? {} : { console }) }, this.#pollMs);
  }
}

function commandOf(spec: VmSpec): string {
  const { command } = spec.machine as ExecMachine;
  if (spec.machine.driver === 'exec' && command.trim() !== '') return command;
  throw new VnetError('VNET_ERR_INVALID', `the VM ${spec.name} has no command`, { hint: 'run exec COMMAND' });
}

const placeOf = (spec: VmSpec, port: string): ExecPlace => ({ spec, command: commandOf(spec), port });
