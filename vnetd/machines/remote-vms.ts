/** A host's VMs as the Proxy drives them: `VmHost` over the control channel, and the daemon's answers to it. */
import {
  type HostMachine,
  type MoveOptions,
  type VmHost,
  type VmObstacle,
  type VmReport,
  type VmSpec,
  type VmTicket,
  VnetError,
} from '../../core/index.js';
import type { ChannelPeer } from '../channel/index.js';
import { HOST_CALL_TIMEOUTS_MS as TIMEOUTS_MS } from './time-outs.js';

/** In front of the names of these calls on the channel: `vm.start`. */
export const VM_CALL_PREFIX = 'vm.';

export function remoteVms(peer: ChannelPeer): VmHost {
  const call = <T>(name: keyof VmHost, args: unknown[], timeoutMs?: number): Promise<T> =>
    peer.call<T>(`${VM_CALL_PREFIX}${name}`, args, undefined, timeoutMs);
  return {
    machine: () => call<HostMachine>('machine', []),
    reports: () => call<VmReport[]>('reports', []),
    check: (spec, from) => call<VmObstacle[]>('check', [spec, from], TIMEOUTS_MS.check),
    start: (spec) => call<VmReport>('start', [spec], TIMEOUTS_MS.start),
    stop: (vm, options) => call<void>('stop', [vm, options], options.graceMs + TIMEOUTS_MS.stop),
    receive: (move, spec, options) => call('receive', [move, spec, options], TIMEOUTS_MS.receive),
    send: (move, vm, ticket, options) => call<void>('send', [move, vm, ticket, options], TIMEOUTS_MS.send),
    cancel: (move) => call<void>('cancel', [move], TIMEOUTS_MS.cancel),
    discard: (move) => call<void>('discard', [move], TIMEOUTS_MS.discard),
  };
}

/** The daemon's end; `name` without the prefix. */
export async function answerVmCall(vms: VmHost, name: string, args: unknown[]): Promise<unknown> {
  switch (name as keyof VmHost) {
    case 'machine':
      return vms.machine();
    case 'reports':
      return vms.reports();
    case 'check':
      return vms.check(args[0] as VmSpec, (args[1] ?? undefined) as HostMachine | undefined);
    case 'start':
      return vms.start(args[0] as VmSpec);
    case 'stop':
      return vms.stop(String(args[0]), args[1] as { graceMs: number });
    case 'receive':
      return vms.receive(String(args[0]), args[1] as VmSpec, args[2] as MoveOptions);
    case 'send':
      return vms.send(String(args[0]), String(args[1]), args[2] as VmTicket, args[3] as MoveOptions);
    case 'cancel':
      return vms.cancel(String(args[0]));
    case 'discard':
      return vms.discard(String(args[0]));
    default:
      throw new VnetError('VNET_ERR_INVALID', `no such call: ${VM_CALL_PREFIX}${name}`);
  }
}
