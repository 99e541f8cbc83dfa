/**
 * VMs as they run: how a statement says it, what a host tells of them, and how one moves (Virtuoso 6.1, 12.5).
 *
 * Two things are kept apart. A VM's *place* is where the overlay sends its frames (proxy/registry); its *state* is what
 * the host says of the thing that runs. A VM without a `machine` is run by somebody else and has a place only.
 *
 * At most one place: a VM is started on a host only when every other host that may run it has said that it does not.
 */
import type { MacAddress } from './mac.js';

export const VM_DRIVERS = ['qemu', 'netns', 'exec'] as const;
export type VmDriverKind = (typeof VM_DRIVERS)[number];
/** Their processes run on while their interface is between two hosts, and what they send then is lost. */
export const OUTPUT_LOSING_DRIVERS: ReadonlySet<VmDriverKind> = new Set(['netns']);

/** How a VM is run. Paths are the hosts' own: what may run on several hosts has them on all of these. */
export type VmMachine = QemuMachine | NetnsMachine | ExecMachine;

export interface QemuMachine {
  driver: 'qemu';
  /** Boots this kernel directly; absent: from `disk`. */
  kernel?: string;
  initrd?: string;
  /** The kernel's command line. */
  append?: string;
  /** Image on storage that its hosts share, or that is read only; raw or qcow2. */
  disk?: string;
  /**
   * It begins from this saved state (QMP `migrate` into a file) of the same machine instead of booting; its addresses
   * are in there. Without a disk, or with one that is read only. A move does not need it.
   */
  state?: string;
}

/** A light VM: processes in a network namespace, whose host end (a veth) moves between hosts of one machine (lab). */
export interface NetnsMachine {
  driver: 'netns';
  /** As `ip netns` lists it. */
  namespace: string;
}

/** A command of the user's for each step, as docs/migration.md lists them: virsh, pct, a script with ssh and rsync. */
export interface ExecMachine {
  driver: 'exec';
  command: string;
}

/** What a host is told of a VM that it shall run. */
export interface VmSpec {
  name: string;
  network: string;
  /** The network's, octets. */
  mtu: number;
  macs: MacAddress[];
  /** Port specification of the statement; absent: the driver chooses one on each host. */
  port?: string;
  /** Demands; default VM_MEMORY_BYTES, VM_CPUS. */
  memoryBytes: number;
  cpus: number;
  machine: VmMachine;
}
export const VM_MEMORY_BYTES = 512 * 2 ** 20;
export const VM_CPUS = 1;

export type VmState =
  | 'stopped'
  | 'starting'
  | 'running'
  /** Not executing, whole, and may go on here: the last part of a move at its source, or by somebody's hand. */
  | 'paused'
  /** The destination of a move, before it executes. */
  | 'receiving'
  /** A host that may run it cannot be asked. It is started nowhere else meanwhile. */
  | 'unknown'
  /** It ended by itself or could not be started; `reason` tells. */
  | 'failed';

/** What a host says of one VM; sent at each change, and of all when it connects. */
export interface VmReport {
  vm: string;
  state: Exclude<VmState, 'unknown'>;
  /** Where its frames enter on this host; absent while it has no port. */
  port?: string;
  /** The move that it is part of here. */
  move?: string;
  progress?: MoveTransfer;
  /** Why it is not running, or why the move failed here. */
  reason?: string;
  /** A Unix socket on this host with the VM's console, where the driver has one. */
  console?: string;
  /** Frames that waited at its port while it was not executing, and those lost at it, at most, of the last move. */
  heldFrames?: number;
  lostFrames?: number;
}

/** How far the copying is. */
export interface MoveTransfer {
  transferredBytes: number;
  remainingBytes: number;
  totalBytes: number;
  bitsPerSecond: number;
  /** Of the VM's memory; 0: not known. */
  dirtyBytesPerSecond: number;
  /** Passes over the memory so far. */
  rounds: number;
  postCopy: boolean;
}

/** What the destination gives the source: its driver's own business. Plain JSON. */
export type VmTicket = { driver: VmDriverKind } & Record<string, unknown>;

export interface MoveOptions {
  /** `auto`: post-copy once pre-copy does not get ahead of the guest. Default `auto`. */
  postCopy?: 'auto' | 'never';
  /** Of the move's own traffic. Default: the driver's (QEMU: 1 Gbit/s). */
  bitsPerSecond?: number;
  /** The longest stop asked of pre-copy, milliseconds. Default 300. */
  downtimeMs?: number;
  /** Of the destination, where its traffic shall go: a storage network, say. Default: the host's own in the overlay. */
  address?: string;
  /** Given up, and undone, after this. Default MOVE_TIMEOUT_MS. */
  timeoutMs?: number;
}
export const MOVE_TIMEOUT_MS = 600_000;
/** Moves that run at the same time, the whole overlay. */
export const MOVES_MAX = 64;

/** Why a VM cannot run, or cannot move there; one sentence each, and what to do. */
export interface VmObstacle {
  kind:
    | 'memory'
    | 'cpu'
    | 'cpu-model'
    | 'image'
    | 'driver'
    | 'port'
    | 'network'
    | 'place'
    | 'state'
    | 'reach';
  message: string;
  hint?: string;
  /** False: a warning; the move is done if asked for. */
  blocking: boolean;
}

/** What a host has for VMs. */
export interface HostMachine {
  memoryBytes: number;
  freeMemoryBytes: number;
  cpus: number;
  cpuModel: string;
  /** Drivers that work here, and for the others why not. */
  drivers: Partial<Record<VmDriverKind, string | true>>;
}

/** One daemon's VMs, as the Proxy drives them. Calls reject with a VnetError; all are idempotent. */
export interface VmHost {
  machine(): Promise<HostMachine>;
  reports(): Promise<VmReport[]>;
  /** `from`: the host it would come from; absent: it would be started. */
  check(spec: VmSpec, from?: HostMachine): Promise<VmObstacle[]>;
  /** Resolves when it executes. Already running: its report. */
  start(spec: VmSpec): Promise<VmReport>;
  /** Asks the guest, and after `graceMs` ends it. Resolves when nothing runs. */
  stop(vm: string, options: { graceMs: number }): Promise<void>;
  /** Makes ready to receive; nothing executes. The ticket goes to the source. */
  receive(move: string, spec: VmSpec, options: MoveOptions): Promise<{ ticket: VmTicket; port: string }>;
  /** Begins sending. Reports tell the rest: `paused` when the VM stops executing here, `stopped` when it is gone, `running` with a reason when it stays. */
  send(move: string, vm: string, ticket: VmTicket, options: MoveOptions): Promise<void>;
  /** Source: gives up if it still can (no error where it is too late: the reports tell). */
  cancel(move: string): Promise<void>;
  /** Destination: throws away what was received and does not execute. Rejects with VNET_ERR_REFUSED if it executes. */
  discard(move: string): Promise<void>;
}

/** What drives one kind of VM on one host (folder vm). The daemon calls it; it knows nothing of the overlay. */
export interface VmDriver {
  readonly kind: VmDriverKind;
  /** True, or why this driver does not work on this host. Cheap enough for each connect. */
  available(): Promise<true | string>;
  check(spec: VmSpec, from?: HostMachine): Promise<VmObstacle[]>;
  /** Where its frames enter, if the statement does not say. Deterministic, and known before it starts. */
  portOf(spec: VmSpec): string;
  /** Resolves when it executes. Its port is open already. */
  start(spec: VmSpec, port: string, events: VmEvents): Promise<RunningVm>;
  /** Takes over what an earlier process of the daemon started; undefined: nothing of it runs here. */
  adopt(spec: VmSpec, port: string, events: VmEvents): Promise<RunningVm | undefined>;
  receive(spec: VmSpec, port: string, options: MoveOptions, events: VmEvents): Promise<ReceivingVm>;
}

/** Called never from within a call to the driver. */
export interface VmEvents {
  /** It stopped executing, whole (also in a move): frames to it should wait. `agoMs`: so long ago, and what was not read
   * from its port's device by then goes with what makes the VM here, if it leaves: it should be sent on. */
  paused(agoMs?: number): void;
  /** It executes from now on. */
  running(): void;
  /** It is no more: `expected` after `stop` or a move. */
  ended(reason: string, expected: boolean): void;
}

export interface RunningVm {
  readonly console?: string;
  state(): Promise<'running' | 'paused'>;
  /** Those of this machine that make the VM, as of a moment ago. Absent: the driver cannot tell, so nothing is reserved for them. */
  processes?(): Promise<readonly number[]>;
  /** Threads that execute the guest's CPUs and start no others. Absent: there are none apart. */
  cpuThreads?(): Promise<readonly number[]>;
  stop(options: { graceMs: number }): Promise<void>;
  /** `done` resolves when it is gone from here, and rejects when it stays (it runs again by then). */
  send(ticket: VmTicket, options: MoveOptions, progress: (transfer: MoveTransfer) => void): OutgoingVm;
  /** Lets go without ending it: the daemon stops, the VM goes on. */
  release(): void;
}

export interface OutgoingVm {
  readonly done: Promise<void>;
  /** Too late is no error. */
  cancel(): Promise<void>;
}

export interface ReceivingVm {
  readonly ticket: VmTicket;
  /** Resolves when it executes here; rejects when it will not, with nothing left of it. */
  readonly arrived: Promise<RunningVm>;
  discard(): Promise<void>;
}

/** One VM as people see it. */
export interface VmStatus {
  vm: string;
  network: string;
  host: string;
  pinned: boolean;
  driver?: VmDriverKind;
  /** Absent: somebody else runs it. */
  state?: VmState;
  reason?: string;
  memoryBytes: number;
  cpus: number;
  console?: string;
  /** Hosts that may run it: one, but during a move and while hosts cannot be asked. */
  mayRunOn: string[];
  move?: MoveView;
}

export type MovePhase =
  /** Waits for others: memory, or the network. */
  | 'waiting'
  | 'checking'
  | 'preparing'
  | 'copying'
  /** Stopped at the source; the overlay sends its frames to the destination, which holds them. */
  | 'switching'
  | 'cleaning';

export interface MoveView {
  id: string;
  vm: string;
  from: string;
  to: string;
  phase: MovePhase;
  transfer?: MoveTransfer;
  startedAt: string;
}

export interface MoveRequest {
  moves: { vm: string; host: string }[];
  options?: MoveOptions;
}

export interface MoveResult {
  vm: string;
  from: string;
  to: string;
  /** `unknown`: a host that may run it cannot be asked. */
  outcome: 'moved' | 'stayed' | 'unknown';
  reason?: string;
  /** Through a third host, where a cycle had to be broken. */
  via?: string;
  totalMs: number;
  /** From the source's word that it stopped to the destination's that it runs, at the Proxy; absent: it never stopped. */
  downtimeMs?: number;
  /** Of which the overlay's paths took so long to follow. */
  switchMs?: number;
  transferredBytes?: number;
  /** That came for it while it stopped, and of these those lost, at most. */
  heldFrames?: number;
  lostFrames?: number;
  /** What it sent itself in `downtimeMs` is lost and not counted. */
  outputLost?: true;
}

export interface VmCheck {
  vm: string;
  host: string;
  obstacles: VmObstacle[];
  /** No obstacle blocks. */
  possible: boolean;
}

/** What the Proxy offers for VMs; part of the control API. */
export interface VmAuthority {
  vms(): Promise<VmStatus[]>;
  /** On the host of its statement unless named. `fence`: these hosts do not run it; a person vouches for that. */
  startVm(vm: string, options?: { host?: string; fence?: string[] }): Promise<VmStatus>;
  stopVm(vm: string, options?: { graceMs?: number; fence?: string[] }): Promise<VmStatus>;
  checkVm(vm: string, host: string): Promise<VmCheck>;
  /** In an order that keeps every host within its memory. Resolves when all are over; a move that fails rejects nothing. Rejects, with nothing begun, for names that are not there. */
  moveVms(request: MoveRequest, progress?: (move: MoveView) => void): Promise<MoveResult[]>;
  /** Rejects with VNET_ERR_NOT_FOUND where it does not move. */
  cancelMove(vm: string): Promise<void>;
  /** Moves every VM that is not pinned to where there is room. */
  drainHost(host: string, options?: MoveOptions, progress?: (move: MoveView) => void): Promise<MoveResult[]>;
}
/** A VM whose CPU is reserved has a CPU group of this name and its own, below that of its host's daemon. */
export const VM_CPU_GROUP = 'vnet-vm.';
export const STOP_GRACE_MS = 10_000;
