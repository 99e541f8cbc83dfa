/** The calls about VMs of the control API's client. */
import type { ErrorBody } from '../errors.js';
import type { MoveResult, MoveView, VmAuthority, VmCheck, VmStatus } from '../vm.js';

/** One line of a streamed move; `alive` now and then where there is nothing else to say. */
export type MoveLine =
  | { progress: MoveView }
  | { result: MoveResult[] }
  | { error: ErrorBody }
  | { alive: true };
/** A stream of moves, or of a plan of adaptation, is silent no longer than this. */
export const MOVE_ALIVE_MS = 10_000;

/** A guest boots or ends in its own time. */
const GUEST_TIMEOUT_MS = 600_000;

export interface VmRequests {
  json<T>(method: string, path: string, body?: unknown, timeoutMs?: number): Promise<T>;
  /** Lines until `take` returns the result; throws the line's error. */
  stream(path: string, body: unknown, onProgress: (move: MoveView) => void): Promise<MoveResult[]>;
}

export function vmCalls({ json, stream }: VmRequests): VmAuthority {
  const ofVm = (vm: string, what: string) => `/v1/vms/${encodeURIComponent(vm)}/${what}`;
  return {
    vms: () => json<VmStatus[]>('GET', '/v1/vms'),
    startVm: (vm, options = {}) => json<VmStatus>('POST', ofVm(vm, 'start'), options, GUEST_TIMEOUT_MS),
    stopVm: (vm, options = {}) =>
      json<VmStatus>('POST', ofVm(vm, 'stop'), options, GUEST_TIMEOUT_MS + (options.graceMs ?? 0)),
    checkVm: (vm, host) => json<VmCheck>('POST', ofVm(vm, 'check'), { host }),
    moveVms: (request, progress = () => {}) => stream('/v1/moves', request, progress),
    cancelMove: (vm) => json<void>('DELETE', `/v1/moves/${encodeURIComponent(vm)}`),
    drainHost: (host, options, progress = () => {}) =>
      stream(`/v1/hosts/${encodeURIComponent(host)}/drain`, options ? { options } : {}, progress),
  };
}
