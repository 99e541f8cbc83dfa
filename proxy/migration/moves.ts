/** The moves under way, and lists of moves: in an order that keeps every host within its memory. */
import { randomUUID } from 'node:crypto';
import {
  MOVES_MAX,
  type MoveOptions,
  type MoveResult,
  type MoveView,
  type Vm,
  VnetError,
} from '../../core/index.js';
import type { Overlay } from '../overlay.js';
import type { Placing } from '../placing.js';
import { gib, usedMemory } from './capacity.js';
import { residentsOf, type VmHosts } from './hosts.js';
import { beginMove } from './move.js';
import { Mover, type MoverOptions } from './mover.js';
import { type MoveStep, orderMoves } from './order.js';
import type { VmRecord, VmRecords } from './records.js';
import { Slots } from './slots.js';

type Progress = ((move: MoveView) => void) | undefined;

export interface MovesOptions {
  overlay: Overlay;
  placing: Placing;
  records: VmRecords;
  hosts: VmHosts;
  /** Into or out of a host at a time, as the network bears. */
  movesAHost(host: string): number;
  /** It is being started or stopped. */
  isBusy(vm: string): boolean;
  onChange: MoverOptions['onChange'];
  onOver: MoverOptions['onOver'];
}

interface Waiting {
  view: MoveView;
  cancelled: boolean;
}

export class Moves {
  readonly #options: MovesOptions;
  readonly #active = new Map<string, Mover>();
  readonly #waiting = new Map<string, Waiting>();
  readonly #listeners = new Map<string, Progress>();
  readonly #slots: Slots;

  constructor(options: MovesOptions) {
    this.#options = options;
    this.#slots = new Slots(MOVES_MAX, options.movesAHost);
    for (const record of options.records.all()) if (record.move) this.#restore(record);
  }

  of(vm: string): Mover | undefined {
    return this.#active.get(vm);
  }

  view(vm: string): MoveView | undefined {
    return this.#active.get(vm)?.view ?? this.#waiting.get(vm)?.view;
  }

  isMoving(vm: string): boolean {
    return this.#active.has(vm) || this.#waiting.has(vm);
  }

  lost(host: string): void {
    for (const mover of [...this.#active.values()]) mover.lost(host);
  }

  close(): void {
    for (const mover of this.#active.values()) mover.close();
  }

  cancel(vm: string): void {
    const mover = this.#active.get(vm);
    const waiting = this.#waiting.get(vm);
    if (waiting) waiting.cancelled = true;
    mover?.cancel('cancelled');
    if (!mover && !waiting) {
      throw new VnetError('VNET_ERR_NOT_FOUND', `${vm} does not move`, { hint: 'see "vnet vms"' });
    }
  }

  /** As `VmAuthority.moveVms`; the VMs and hosts are there. */
  async run(
    wanted: readonly { vm: Vm; host: string }[],
    options: MoveOptions,
    progress: Progress,
  ): Promise<MoveResult[]> {
    const { records, hosts } = this.#options;
    const results = new Map<string, MoveResult>();
    const asked = wanted.filter(({ vm, host }) => {
      const reason = this.#whyNot(vm, host);
      if (reason !== undefined) results.set(vm.name, this.#stays(vm, host, reason));
      return reason === undefined;
    });
    const all = records.all();
    const targets = new Set(asked.map(({ host }) => host));
    const usable = hosts
      .rooms()
      .filter(({ host }) => targets.has(host) || (hosts.of(host) && hosts.machineOf(host)));
    const { steps, refused } = orderMoves(
      usable,
      residentsOf(all),
      asked.map(({ vm, host }) => ({ vm: vm.name, to: host })),
    );
    for (const { vm, host } of asked) {
      const reason = refused.find((other) => other.vm === vm.name)?.reason;
      // One that was put on a third host for the others' sake does move, and says why it got no further.
      if (reason !== undefined && !steps.some((step) => step.vm === vm.name))
        results.set(vm.name, this.#stays(vm, host, reason));
    }
    const begun = asked.filter(({ vm }) => !results.has(vm.name));
    for (const { vm, host } of begun) this.#wait(vm.name, host, progress);
    const done = await this.#carryOut(steps, options);
    for (const { vm, host } of begun) results.set(vm.name, joined(done.get(vm.name) ?? [], host));
    return wanted.flatMap(({ vm }) => results.get(vm.name) ?? []);
  }

  #carryOut(steps: readonly MoveStep[], options: MoveOptions): Promise<Map<string, MoveResult[]>> {
    const byVm = new Map<string, MoveResult[]>();
    const last = new Map(steps.map((step, i) => [step.vm, i]));
    const runs: Promise<void>[] = [];
    for (const [i, step] of steps.entries()) {
      const before = Promise.all(step.after.map((index) => runs[index]));
      runs.push(
        before.then(async () => {
          const results = byVm.get(step.vm) ?? [];
          byVm.set(step.vm, results);
          const isStranded = results.some(({ outcome }) => outcome !== 'moved');
          try {
            if (!isStranded) results.push(await this.#step(step, options));
          } finally {
            if (last.get(step.vm) === i) this.#settled(step.vm);
          }
        }),
      );
    }
    return Promise.all(runs).then(() => byVm);
  }

  async #step({ vm, from, to }: MoveStep, options: MoveOptions): Promise<MoveResult> {
    const release = await this.#slots.take([from, to]);
    try {
      const reason = await this.#whyNotNow(vm, from, to);
      const record = this.#options.records.get(vm);
      if (reason !== undefined || !record) return stayed(vm, from, to, reason ?? 'it is gone');
      // With `#begin`, without a pause: others that asked meanwhile have taken their room by now.
      const full = this.#whyNoRoom(record, to);
      if (full !== undefined) return stayed(vm, from, to, full);
      return await this.#begin(record, to, options).result;
    } finally {
      release();
    }
  }

  #begin(record: VmRecord, to: string, options: MoveOptions): Mover {
    const { overlay, records } = this.#options;
    const { name } = record.spec;
    const { state, effects } = beginMove();
    const place = overlay.registry.places(overlay.topology).find((other) => other.name === name);
    const fromPort = place?.port ?? record.spec.port ?? `tap:${name}`;
    const startedAt = new Date().toISOString();
    if (record.told && !record.told.includes(to)) record.told.push(to);
    record.move = { id: randomUUID(), from: record.host, to, fromPort, options, startedAt, state };
    const mover = this.#mover(record, record.move);
    // Both hosts are written down before either is told anything.
    records.save().then(
      () => mover.begin(effects),
      (thrown) => mover.cancelUnbegun(VnetError.from(thrown).message),
    );
    return mover;
  }

  #mover(record: VmRecord, move: NonNullable<VmRecord['move']>): Mover {
    const { overlay, placing, records, hosts, onChange, onOver } = this.#options;
    const { name } = record.spec;
    const mover = new Mover(
      {
        clock: overlay.options.clock,
        placing,
        records,
        hostOf: hosts.of,
        onChange: (changed, view) => {
          this.#listeners.get(name)?.(view);
          onChange(changed, view);
        },
        onOver: (ended, result) => {
          this.#active.delete(name);
          onOver(ended, result);
        },
      },
      record,
      move,
    );
    this.#active.set(name, mover);
    return mover;
  }

  /** After a restart: both ports are open again, and the hosts will say. */
  #restore(record: VmRecord): void {
    const { overlay } = this.#options;
    const { move, spec } = record;
    if (!move) return;
    const vm = overlay.topology.vms.find(({ name }) => name === spec.name);
    const at = vm && overlay.registry.hostOf(vm) === move.to ? 'to' : 'from';
    const other =
      at === 'to' ? { host: move.from, port: move.fromPort } : { host: move.to, port: move.toPort };
    const mover = this.#mover(record, move);
    if (other.port !== undefined)
      overlay.registry.setAlsoAt(spec.name, { host: other.host, port: other.port });
    mover.restore(at);
  }

  #wait(vm: string, to: string, progress: Progress): void {
    const from = this.#options.records.get(vm)?.host ?? '';
    const startedAt = new Date().toISOString();
    const view: MoveView = { id: randomUUID(), vm, from, to, phase: 'waiting', startedAt };
    this.#waiting.set(vm, { view, cancelled: false });
    this.#listeners.set(vm, progress);
    progress?.(view);
  }

  #settled(vm: string): void {
    this.#waiting.delete(vm);
    this.#listeners.delete(vm);
  }

  #stays({ name }: Vm, to: string, reason: string): MoveResult {
    const { registry, topology } = this.#options.overlay;
    const vm = topology.vms.find((other) => other.name === name);
    const from = this.#options.records.get(name)?.host ?? (vm ? registry.hostOf(vm) : '');
    return stayed(name, from, to, reason);
  }

  /** Known without asking anybody. */
  #whyNot(vm: Vm, to: string): string | undefined {
    const { records, hosts } = this.#options;
    const record = records.get(vm.name);
    if (this.isMoving(vm.name)) return 'it moves already: see its progress, or cancel that move first';
    if (!vm.machine && !record)
      return 'somebody else runs it: let its owner move it, and the overlay follows when it speaks there';
    if (this.#options.isBusy(vm.name)) return 'it is being started or stopped';
    if (!record || record.mayRunOn.length === 0) return 'it does not run: start it there';
    if (record.host === to) return `it is on ${to} already`;
    if (vm.pinned && vm.host !== to) return `it is pinned on ${vm.host}`;
    const away = [...record.mayRunOn, to].filter((host) => !hosts.of(host));
    if (away.length > 0) return `${away.join(' and ')} cannot be reached`;
    if (record.mayRunOn.length > 1)
      return `it may run on ${record.mayRunOn.join(' and ')}: stop it on one of them`;
    if (record.state !== 'running') return `it is ${record.state}, and only what runs can move`;
    return undefined;
  }

  #whyNoRoom({ spec: { memoryBytes } }: VmRecord, to: string): string | undefined {
    const { records, hosts } = this.#options;
    const room = hosts.rooms().find(({ host }) => host === to);
    const free = (room?.memoryBytes ?? 0) - usedMemory(to, residentsOf(records.all()));
    if (memoryBytes <= free) return undefined;
    return `${to} has ${gib(Math.max(0, free))} free, it needs ${gib(memoryBytes)}`;
  }

  /** Just before it begins; asks the destination. */
  async #whyNotNow(vm: string, from: string, to: string): Promise<string | undefined> {
    const { records, hosts, overlay } = this.#options;
    const waiting = this.#waiting.get(vm);
    const record = records.get(vm);
    if (waiting?.cancelled) return 'cancelled';
    if (!record || record.host !== from || !record.mayRunOn.includes(from))
      return `it does not run on ${from}`;
    const [source, destination] = [hosts.of(from), hosts.of(to)];
    if (!source) return `${from} cannot be reached`;
    if (!destination) return `${to} cannot be reached`;
    if (waiting) this.#listeners.get(vm)?.({ ...waiting.view, phase: 'checking' });
    try {
      const obstacles = await destination.check(record.spec, hosts.machineOf(from));
      const blocking = obstacles.filter((obstacle) => obstacle.blocking);
      if (blocking.length > 0) return blocking.map(({ message }) => message).join('; ');
    } catch (thrown) {
      return `${to} could not be asked: ${VnetError.from(thrown).message}`;
    }
    const pinned = overlay.topology.vms.find(({ name }) => name === vm);
    if (pinned?.pinned && pinned.host !== to) return `it is pinned on ${pinned.host}`;
    return this.#waiting.get(vm)?.cancelled ? 'cancelled' : undefined;
  }
}

function stayed(vm: string, from: string, to: string, reason: string): MoveResult {
  return { vm, from, to, outcome: 'stayed', reason, totalMs: 0 };
}

/** One VM's steps as one move. */
function joined(results: readonly MoveResult[], to: string): MoveResult {
  const [first] = results;
  const last = results.at(-1);
  if (!first || !last) throw new VnetError('VNET_ERR_INTERNAL', 'a move without a step');
  const sum = (what: 'totalMs' | 'downtimeMs' | 'transferredBytes' | 'heldFrames' | 'lostFrames') => {
    const counts = results.flatMap((result) => result[what] ?? []);
    return counts.length === 0 ? {} : { [what]: counts.reduce((all, count) => all + count, 0) };
  };
  const switches = results.flatMap(({ switchMs }) => switchMs ?? []);
  const isThere = last.outcome === 'moved' && last.to === to;
  const stranded = !isThere && last.outcome !== 'unknown' && results.length > 1;
  const at = last.outcome === 'moved' ? last.to : last.from;
  const reason = stranded
    ? `it is on ${at} for the time being, where it made room: ${last.reason ?? 'its destination has no room'}`
    : (last.reason ?? (isThere ? undefined : 'no room at its destination'));
  return {
    ...last,
    from: first.from,
    to,
    outcome: isThere ? 'moved' : last.outcome === 'unknown' ? 'unknown' : 'stayed',
    totalMs: 0,
    ...sum('totalMs'),
    ...sum('downtimeMs'),
    ...sum('transferredBytes'),
    ...sum('heldFrames'),
    ...sum('lostFrames'),
    ...(switches.length > 0 ? { switchMs: Math.max(...switches) } : {}),
    ...(reason === undefined ? {} : { reason }),
    ...(results.length > 1 || last.to !== to ? { via: first.to } : {}),
  };
}
