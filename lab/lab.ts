/** A running lab. */

import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { type ErrorCode, VnetError } from '../core/index.js';
import { cgroupPath, makeCgroup } from './cgroup.js';
import { CORE_NAME, checkSpec, pathProblems } from './check.js';
import { batch, needProgram } from './command.js';
import { askEmulator, type EmulatorCounters } from './impair.js';
import { complete, coreNamespace, machinesOf, namespaceOf } from './layout.js';
import { makeBridge, moveMachine, wireMachine, wireToSocket } from './machine.js';
import { type MeasureOptions, measurePaths, type PathMeasurement } from './measure.js';
import { LabNode, type ProcessKeeper } from './node.js';
import { removeByName, removeByState } from './remove.js';
import { type LabSpec, NAME_PATTERN, type PathSpec, portOf, socketOf, type VmSpec } from './spec.js';
import {
  bootId,
  createState,
  defaultRoot,
  isAlive,
  type LabState,
  loadState,
  namespaceInode,
  saveState,
  startTicks,
  stateNames,
} from './state.js';
import { emulatorProgram } from './tool.js';
import { type LabTruth, truthOf } from './truth.js';
import { applyPaths, type UnderlayFiles, wireUnderlay } from './underlay.js';
import { whereabouts } from './whereabouts.js';

export interface LabOptions {
  /** Default `lab`. Letters, digits, - and _, at most 14. */
  name?: string;
  /** Folder of the records. Default: /run/vnet-lab for root, else under XDG_RUNTIME_DIR or /tmp. */
  root?: string;
  /** It is not meant to outlive the process that makes it; `keep` takes that back. Default false. */
  temporary?: boolean;
}

/** One entry of `listLabs`. */
export interface LabListing {
  name: string;
  madeAt: string;
  hosts: number;
  vms: number;
  /** Whether the process that made it still runs. A lab lives on without it. */
  makerAlive: boolean;
  /** Whether it was to end with that process, which was killed. */
  leftBehind: boolean;
}

/** What is thrown before the kernel is touched. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['VNET_ERR_LIMIT', 'VNET_ERR_UNSUPPORTED']);

export class Lab implements ProcessKeeper {
  readonly name: string;
  readonly #root: string;
  readonly #state: LabState;
  #closed: Promise<void> | undefined;
  /** Changes run one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  /** @internal Use makeLab or openLab. */
  constructor(root: string, state: LabState) {
    this.name = state.name;
    this.#root = root;
    this.#state = state;
  }

  /** The spec as it is now, addresses and MACs filled in. */
  get spec(): LabSpec {
    return structuredClone(this.#state.spec);
  }

  get hosts(): LabNode[] {
    return this.#state.spec.hosts.map((host) => this.host(host.name));
  }

  get vms(): LabNode[] {
    return this.#state.spec.vms.map((vm) => this.vm(vm.name));
  }

  get clients(): LabNode[] {
    return this.#state.spec.lans.flatMap((lan) => lan.clients).map((client) => this.client(client.name));
  }

  /** VNET_ERR_NOT_FOUND if there is no such host. */
  host(name: string): LabNode {
    const host = this.#find(this.#state.spec.hosts, 'host', name);
    const namespace = namespaceOf(this.name, name);
    return new LabNode('host', name, namespace, host.addresses ?? [], this.#cgroupOf(name), this);
  }

  /** What runs in a VM lives on its host's CPU quota. */
  vm(name: string): LabNode {
    const vm = this.#find(this.#state.spec.vms, 'VM', name);
    return this.#machine('vm', vm, this.#cgroupOf(vm.host));
  }

  client(name: string): LabNode {
    const clients = this.#state.spec.lans.flatMap((lan) => lan.clients);
    return this.#machine('client', this.#find(clients, 'client', name));
  }

  /** Any of them by name. */
  node(name: string): LabNode {
    const all = [...this.hosts, ...this.vms, ...this.clients];
    return this.#find(all, 'host, VM or client', name);
  }

  #find<T extends { name: string }>(list: readonly T[], what: string, name: string): T {
    const found = list.find((item) => item.name === name);
    if (found !== undefined) return found;
    throw new VnetError('VNET_ERR_NOT_FOUND', `the lab '${this.name}' has no ${what} '${name}'`, {
      hint: `it has ${list.map((item) => item.name).join(', ') || 'none'}`,
    });
  }

  #machine(kind: 'vm' | 'client', machine: { name: string; ips?: string[] }, cgroup?: string): LabNode {
    const addresses = (machine.ips ?? []).map((ip) => ip.slice(0, ip.indexOf('/')));
    return new LabNode(kind, machine.name, namespaceOf(this.name, machine.name), addresses, cgroup, this);
  }

  #cgroupOf(host: string): string | undefined {
    const spec = this.#state.spec.hosts.find(({ name }) => name === host);
    return spec?.cpuPercent === undefined ? undefined : cgroupPath(namespaceOf(this.name, host));
  }

  /** @internal */
  record(child: ChildProcess, what: string): void {
    if (child.pid === undefined) return; // it did not start; its 'error' event tells
    const ticks = startTicks(child.pid);
    if (ticks === undefined) return;
    this.#state.processes = this.#state.processes.filter(isAlive);
    this.#state.processes.push({ pid: child.pid, startTicks: ticks, what });
    this.#save();
  }

  #save(): void {
    if (this.#closed === undefined) saveState(this.#root, this.#state);
  }

  #files(): UnderlayFiles {
    return { socket: join(this.#root, `${this.name}.sock`), log: join(this.#root, `${this.name}.log`) };
  }

  #change<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) {
      return Promise.reject(new VnetError('VNET_ERR_CLOSED', `the lab '${this.name}' is closed`));
    }
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }

  /** @internal Makes everything that the record announces. */
  async build(): Promise<void> {
    const { spec } = this.#state;
    await this.#addNamespaces([CORE_NAME, ...spec.hosts, ...machinesOf(spec)].map(nameOf));
    await wireUnderlay(this.name, spec);
    await applyPaths(this.#state, null, spec, this.#files(), () => this.#save());
    for (const lan of spec.lans) {
      await makeBridge(this.name, lan);
      await Promise.all(lan.clients.map((client) => wireMachine(this.name, lan.host, client, lan.bridge)));
    }
    for (const vm of spec.vms) this.#announceLog(vm);
    await Promise.all(spec.vms.map((vm) => this.#wireVm(vm)));
    for (const host of spec.hosts) await this.#prepareCpu(host.name, host.cpuPercent, host.loadPercent);
    this.#save();
  }

  async #addNamespaces(nodes: readonly string[]): Promise<void> {
    const names = nodes.map((node) => namespaceOf(this.name, node));
    const taken = names.filter((name) => namespaceInode(name) !== undefined);
    if (taken.length > 0) {
      const hint = 'choose another name for the lab, or remove them with ip netns del';
      throw new VnetError('VNET_ERR_EXISTS', `there are namespaces of that name: ${taken.join(', ')}`, {
        hint,
      });
    }
    const records = names.map((name): LabState['namespaces'][number] => ({ name, inode: null }));
    this.#state.namespaces.push(...records);
    this.#save();
    await batch(
      'ip',
      null,
      names.map((name) => `netns add ${name}`),
    );
    for (const record of records) record.inode = namespaceInode(record.name) ?? null;
    this.#save();
  }

  /** A VM with a socket has a process, whose complaints go to a file that is recorded before it is made. */
  #announceLog(vm: VmSpec): void {
    const { log } = this.#files();
    if (socketOf(vm) === undefined || this.#state.files.includes(log)) return;
    this.#state.files.push(log);
    this.#save();
  }

  async #wireVm(vm: VmSpec): Promise<void> {
    const socket = socketOf(vm);
    if (socket === undefined) return wireMachine(this.name, vm.host, vm);
    this.record(await wireToSocket(this.name, vm, socket, this.#files().log), `${vm.name}: ${portOf(vm)}`);
  }

  async #prepareCpu(host: string, quota: number | undefined, load: number | undefined): Promise<void> {
    if (quota !== undefined) {
      const path = cgroupPath(namespaceOf(this.name, host));
      this.#state.cgroups.push(path);
      this.#save();
      makeCgroup(path, quota);
    }
    if (load === undefined) return;
    const child = this.host(host).spawn([await emulatorProgram(), 'load', String(load)], {
      stdio: 'ignore',
      detached: true,
    });
    child.unref();
  }

  /** Adds a light VM while the lab runs. VNET_ERR_INVALID if it clashes with what there is. */
  addVm(vm: VmSpec): Promise<LabNode> {
    return this.#change(async () => {
      const spec = complete({ ...this.#state.spec, vms: [...this.#state.spec.vms, structuredClone(vm)] });
      checkSpec(spec, `vm ${vm.name}`);
      const made = spec.vms[spec.vms.length - 1] ?? vm;
      await this.#addNamespaces([vm.name]);
      this.#state.spec = spec;
      this.#save();
      this.#announceLog(made);
      await this.#wireVm(made);
      return this.vm(vm.name);
    });
  }

  /** Removes a VM with all that runs in it. */
  removeVm(name: string): Promise<void> {
    return this.#change(async () => {
      const { namespace } = this.vm(name);
      const records = this.#state.namespaces.filter((record) => record.name === namespace);
      const part = {
        ...this.#state,
        namespaces: records,
        processes: [],
        cgroups: [],
        files: [],
        name: `${this.name}.${name}`,
      };
      await removeByState(this.#root, part);
      this.#state.namespaces = this.#state.namespaces.filter((record) => record.name !== namespace);
      this.#state.spec.vms = this.#state.spec.vms.filter((vm) => vm.name !== name);
      this.#save();
    });
  }

  /** Looks where each VM's wire is by now, as an overlay may have moved it, and corrects the record. */
  refresh(): Promise<void> {
    return this.#change(() => this.#refresh());
  }

  async #refresh(): Promise<void> {
    const places = await whereabouts(this.name, this.#state.spec);
    const moved = this.#state.spec.vms.filter((vm) => places.has(vm.name) && places.get(vm.name) !== vm.host);
    if (moved.length === 0) return;
    this.#state.spec.vms = this.#state.spec.vms.map((vm) => ({
      ...vm,
      host: places.get(vm.name) ?? vm.host,
    }));
    this.#save();
  }

  /**
   * Moves a VM's wire to another host, behind the back of whoever runs it. The VM is cut off for some milliseconds;
   * its processes keep the CPU quota that they have.
   */
  moveVm(name: string, host: string): Promise<void> {
    return this.#change(async () => {
      await this.#refresh();
      const vm = this.#find(this.#state.spec.vms, 'VM', name);
      this.host(host);
      if (vm.host === host) return;
      if (socketOf(vm) !== undefined) {
        throw new VnetError(
          'VNET_ERR_UNSUPPORTED',
          `the VM '${name}' is joined by a Unix socket and cannot move`,
          {
            hint: 'give it an interface: leave its port out, or name one',
          },
        );
      }
      const moved = this.#state.spec.vms.map((other) => (other === vm ? { ...vm, host } : other));
      checkSpec({ ...this.#state.spec, vms: moved }, `vm ${name}`);
      await moveMachine(this.name, vm, vm.host, host);
      this.#state.spec.vms = moved;
      this.#save();
    });
  }

  /**
   * Changes the way between two hosts while the lab runs, in both directions unless `oneWay`. What is left out
   * stays. Bad input changes nothing; should the kernel refuse half-way, VNET_ERR_INTERNAL says so.
   */
  setPath(from: string, to: string, change: PathSpec, options: { oneWay?: boolean } = {}): Promise<void> {
    return this.#change(async () => {
      for (const end of [from, to]) this.host(end);
      const problems = pathProblems(change, `pair ${from} ${to}`);
      if (from === to) problems.push(`pair ${from} ${to}: the same host twice`);
      if (problems.length > 0) throw new VnetError('VNET_ERR_INVALID', problems.join('\n'));
      const before = this.#state.spec;
      const ways =
        options.oneWay === true
          ? [[from, to]]
          : [
              [from, to],
              [to, from],
            ];
      const after = structuredClone(before);
      for (const [a = '', b = ''] of ways) mergeRule(after, a, b, change);
      try {
        await applyPaths(this.#state, before, after, this.#files(), () => this.#save());
      } catch (cause) {
        if (cause instanceof VnetError && REFUSALS.has(cause.code)) throw cause; // before anything changed
        const message = `the way between ${from} and ${to} may be half changed: ${VnetError.from(cause).message}`;
        throw new VnetError('VNET_ERR_INTERNAL', message, {
          cause,
          hint: 'remove the lab and make it again',
        });
      }
      this.#state.spec = after;
      this.#save();
    });
  }

  /** What was set; measure() tells what one gets. */
  truth(): LabTruth {
    return truthOf(this.#state);
  }

  /** The emulator's counters; undefined if this lab has none. */
  async emulatorCounters(): Promise<EmulatorCounters | undefined> {
    if (this.#state.impairment !== 'emulator') return undefined;
    return JSON.parse(await askEmulator(this.#files().socket, ['stats'])) as EmulatorCounters;
  }

  /** Measures paths against what was promised. Loads the lab; a second or two a pair. */
  measure(options: MeasureOptions = {}): Promise<PathMeasurement[]> {
    return measurePaths(this, options);
  }

  /** It outlives the process that made it. */
  keep(): Promise<void> {
    return this.#change(async () => {
      delete this.#state.temporary;
      this.#save();
    });
  }

  /** Ends everything in the lab and removes exactly what it made. May be called again. */
  close(): Promise<void> {
    this.#closed ??= this.#turn.then(() => removeByState(this.#root, this.#state));
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

const nameOf = (item: string | { name: string }) => (typeof item === 'string' ? item : item.name);

function mergeRule(spec: LabSpec, from: string, to: string, change: PathSpec): void {
  const matching = spec.paths.filter((rule) => rule.from === from && rule.to === to);
  spec.paths = spec.paths.filter((rule) => !matching.includes(rule));
  spec.paths.push(Object.assign({ from, to }, ...matching, change));
}

/**
 * Makes a lab. Nothing is left behind if that fails.
 * @throws VNET_ERR_INVALID for a spec that cannot be, _EXISTS for a name in use, _UNSUPPORTED or _PRIVILEGE with what
 * is missing
 */
export async function makeLab(spec: LabSpec, options: LabOptions = {}): Promise<Lab> {
  const name = options.name ?? 'lab';
  if (!NAME_PATTERN.test(name)) {
    throw new VnetError(
      'VNET_ERR_INVALID',
      `expected a lab name of letters, digits, - and _ (at most 14), got '${name}'`,
    );
  }
  checkSpec(spec);
  needProgram('ip', 'iproute2');
  needProgram('tc', 'iproute2');
  const root = options.root ?? defaultRoot();
  const state: LabState = {
    version: 1,
    name,
    bootId: bootId(),
    maker: { pid: process.pid, startTicks: startTicks(process.pid) ?? '', what: 'maker' },
    madeAt: new Date().toISOString(),
    ...(options.temporary === true ? { temporary: true } : {}),
    spec: complete(spec),
    namespaces: [],
    processes: [],
    cgroups: [],
    files: [],
  };
  createState(root, state);
  const lab = new Lab(root, state);
  try {
    await lab.build();
  } catch (error) {
    await lab.close().catch(() => {}); // the record stays for `removeLab`; what went wrong first is what to tell
    throw error;
  }
  return lab;
}

/** A lab that is up, made by this process or another. VNET_ERR_NOT_FOUND, VNET_ERR_CONFLICT after a reboot. */
export function openLab(name: string, options: Omit<LabOptions, 'name'> = {}): Lab {
  const root = options.root ?? defaultRoot();
  const state = loadState(root, name);
  if (state.bootId !== bootId() || namespaceInode(coreNamespace(name)) === undefined) {
    const hint = `clear its record: vnet lab down ${name}`;
    throw new VnetError('VNET_ERR_CONFLICT', `the lab '${name}' did not survive`, { hint });
  }
  return new Lab(root, state);
}

/** Removes a lab by name, also after a crash: what its record lists and nothing else. VNET_ERR_NOT_FOUND. */
export function removeLab(name: string, options: Omit<LabOptions, 'name'> = {}): Promise<void> {
  return removeByName(options.root ?? defaultRoot(), name);
}

/** Labs with a record here. */
export function listLabs(options: Omit<LabOptions, 'name'> = {}): LabListing[] {
  const root = options.root ?? defaultRoot();
  return stateNames(root).flatMap((name) => {
    const state = stateIfAny(root, name);
    return state === undefined ? [] : [listingOf(state)];
  });
}

/** Undefined for one that is removed at this very moment. */
function stateIfAny(root: string, name: string): LabState | undefined {
  try {
    return loadState(root, name);
  } catch (error) {
    if (VnetError.from(error).code !== 'VNET_ERR_NOT_FOUND') throw error;
    return undefined;
  }
}

function listingOf({ name, madeAt, spec, maker, temporary }: LabState): LabListing {
  const makerAlive = isAlive(maker);
  const leftBehind = temporary === true && !makerAlive;
  return { name, madeAt, hosts: spec.hosts.length, vms: spec.vms.length, makerAlive, leftBehind };
}
