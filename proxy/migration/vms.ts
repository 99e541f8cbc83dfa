/** The VMs of the overlay as the Proxy drives them: what it is asked, what hosts report, and what follows from both. */
import {
  type Change,
  type HostMachine,
  type HostReport,
  type MoveOptions,
  type MoveRequest,
  type MoveResult,
  type MoveView,
  type Vm,
  type VmAuthority,
  type VmCheck,
  type VmObstacle,
  type VmReport,
  type VmState,
  type VmStatus,
  VM_CPUS,
  VM_MEMORY_BYTES,
  VnetError,
} from '../../core/index.js';
import type { Overlay } from '../overlay.js';
import type { Placing } from '../placing.js';
import { planDrain } from './drain.js';
import { residentsOf, specOf, VmHosts } from './hosts.js';
import { Moves } from './moves.js';
import { type VmRecord, VmRecords } from './records.js';
import { leave, noHost, Runs } from './runs.js';

/** Progress of the copying is told to everybody as seldom as this; to whoever asked for the move, as it comes. */
const PROGRESS_EVENT_MS = 1000;

type Progress = (move: MoveView) => void;

/** Of such words, remembered so that each is logged once. */
const CLAIMS_MAX = 1000;

export class Vms implements VmAuthority {
  readonly #overlay: Overlay;
  readonly #placing: Placing;
  readonly #records: VmRecords;
  /** What was said of VMs that a host should not have. */
  readonly #claims = new Set<string>();
  readonly #hosts: VmHosts;
  readonly #moves: Moves;
  readonly #runs: Runs;
  /** Of hosts that connect: what they say before they are in. */
  readonly #joining = new Map<string, VmReport[]>();
  /** What was told last of each. */
  readonly #told = new Map<string, { text: string; atMs: number }>();

  private constructor(
    overlay: Overlay,
    placing: Placing,
    records: VmRecords,
    movesAHost: (host: string) => number,
  ) {
    this.#overlay = overlay;
    this.#placing = placing;
    this.#records = records;
    this.#hosts = new VmHosts(overlay);
    const shared = { overlay, placing, records, hosts: this.#hosts };
    this.#moves = new Moves({
      ...shared,
      movesAHost,
      isBusy: (vm) => this.#runs.isBusy(vm),
      onChange: (record, move) => this.#tell(record, move),
      onOver: (record, { reason }) => {
        if (record.mayRunOn.length === 0) this.#ended(record, 'failed', reason);
        this.#tell(record);
      },
    });
    this.#runs = new Runs({
      ...shared,
      isMoving: (vm) => this.#moves.isMoving(vm),
      onReport: (host, report) => this.report(host, report),
      onChange: (record) => this.#tell(record),
    });
  }

  /**
   * Takes up from the store what ran and moved when the Proxy stopped.
   * @param movesAHost into or out of it at a time, as the network bears
   */
  static async create(
    overlay: Overlay,
    placing: Placing,
    movesAHost: (host: string) => number,
  ): Promise<Vms> {
    const { store, log } = overlay.options;
    const records = await VmRecords.load(store, (err) =>
      log.error({ err }, 'cannot store where VMs may run: after a restart their hosts are asked again'),
    );
    return new Vms(overlay, placing, records, movesAHost);
  }

  // What hosts say.

  /** A host connects, and has said all that it has: what it says meanwhile is newer, and taken after that. */
  async attach(report: HostReport, join: () => Promise<void>): Promise<void> {
    const later: VmReport[] = [];
    this.#joining.set(report.host, later);
    try {
      await join();
      this.#attached(report.host, report);
      for (const news of later) this.#take(report.host, news.vm, news);
    } finally {
      if (this.#joining.get(report.host) === later) this.#joining.delete(report.host);
    }
  }

  #attached(host: string, { machine, vms }: HostReport): void {
    this.#hosts.noteMachine(host, machine);
    const said = new Map(vms.map((report) => [report.vm, report]));
    for (const record of this.#records.all()) {
      const { name } = record.spec;
      const concerns =
        record.mayRunOn.includes(host) || record.move?.to === host || record.move?.from === host;
      if (concerns && !said.has(name)) this.#take(host, name, undefined);
    }
    for (const report of vms) this.#take(host, report.vm, report);
  }

  detached(host: string): void {
    this.#moves.lost(host);
    for (const record of this.#records.all()) if (record.mayRunOn.includes(host)) this.#tell(record);
  }

  report(host: string, report: VmReport): void {
    const joining = this.#joining.get(host);
    if (joining) return void joining.push(report);
    this.#take(host, report.vm, report);
  }

  #take(host: string, name: string, report: VmReport | undefined): void {
    const record = this.#records.get(name) ?? this.#adopt(host, report);
    if (!record) return;
    const { move } = record;
    const isSide = move !== undefined && (host === move.from || host === move.to);
    this.#note(record, host, report);
    const mover = this.#moves.of(name);
    mover?.count(host, report);
    if (isSide) mover?.report(host, report);
    else if (report?.state === 'receiving') this.#discardStray(host, report);
    else this.#settle(record, host, report);
    this.#tell(record);
  }

  /** Known from a host alone: the store of the Proxy was lost, or never had it. */
  #adopt(host: string, report: VmReport | undefined): VmRecord | undefined {
    if (!report || !isThere(report)) {
      if (report?.state === 'receiving') this.#discardStray(host, report);
      return undefined;
    }
    const vm = this.#overlay.topology.vms.find(({ name }) => name === report.vm);
    const spec = vm && specOf(vm, this.#overlay.topology);
    if (!spec) {
      this.#sayOnce(host, report.vm, 'a host runs a VM that no statement names');
      return undefined;
    }
    return this.#records.set({ spec, host, mayRunOn: [host], state: report.state });
  }

  /** Outside moves the host's word is all there is. */
  #settle(record: VmRecord, host: string, report: VmReport | undefined): void {
    const { name } = record.spec;
    if (report && isThere(report)) {
      if (record.told && !record.told.includes(host))
        return this.#sayOnce(host, name, 'a host says that it runs a VM it was never told of');
      const others = record.mayRunOn.filter((other) => other !== host);
      record.mayRunOn = [...others, host];
      if (others.length === 0) this.#follow(record, host, report);
      else this.#overlay.options.log.error({ vm: name, hosts: record.mayRunOn }, 'a VM may run on two hosts');
    } else if (record.mayRunOn.includes(host)) {
      leave(record, host);
      const [only] = record.mayRunOn;
      // Where its port is there is not known again before it speaks: its driver's is found by asking.
      if (record.mayRunOn.length === 1 && only !== undefined)
        this.#background(this.#followOnly(record, only));
      if (record.mayRunOn.length === 0)
        this.#ended(record, report?.state === 'failed' ? 'failed' : 'stopped', report?.reason);
    }
    this.#records.saveSoon();
  }

  /** A daemon may say it a thousand times a second. */
  #sayOnce(host: string, vm: string, message: string): void {
    const claim = `${host} ${vm}`;
    if (this.#claims.has(claim) || this.#claims.size >= CLAIMS_MAX) return;
    this.#claims.add(claim);
    this.#overlay.options.log.warn({ host, vm }, message);
  }

  async #followOnly(record: VmRecord, host: string): Promise<void> {
    record.host = host;
    const { name } = record.spec;
    const report = (await this.#hosts.of(host)?.reports())?.find(({ vm }) => vm === name);
    if (report && isThere(report) && record.mayRunOn.includes(host)) this.#follow(record, host, report);
  }

  #ended(record: VmRecord, state: 'failed' | 'stopped', reason: string | undefined): void {
    record.state = state;
    if (reason !== undefined) record.reason = reason;
    delete record.console;
    this.#background(this.#placing.rest(record.spec.name));
  }

  /** The place is where it runs. */
  #follow(record: VmRecord, host: string, { port, state }: VmReport): void {
    record.host = host;
    const { topology, registry } = this.#overlay;
    const vm = topology.vms.find(({ name }) => name === record.spec.name);
    if (!vm || (state === 'starting' && port === undefined)) return;
    if (registry.runsAt(vm, host, port)) return;
    this.#background(
      this.#placing.place(vm.name, host, { ...(port === undefined ? {} : { port }), runs: true }),
    );
  }

  #note(record: VmRecord, host: string, report: VmReport | undefined): void {
    const { move } = record;
    const isHere = move ? report && isThere(report) : host === record.host;
    // The two hosts' words come by two channels: that it stopped at the source may come after that it runs.
    const isOver = move !== undefined && host === move.from && move.state.to === 'running';
    if (!report || !isHere || isOver) return;
    record.state = report.state;
    if (report.reason === undefined) delete record.reason;
    else record.reason = report.reason;
    if (report.console === undefined) delete record.console;
    else record.console = report.console;
  }

  /** Of a move that is over: nobody waits for it any more. */
  #discardStray(host: string, { move, vm }: VmReport): void {
    if (move === undefined) return;
    this.#overlay.options.log.warn({ host, vm, move }, 'a host still receives a VM whose move is over');
    this.#background(this.#hosts.of(host)?.discard(move) ?? Promise.resolve());
  }

  #background(work: Promise<unknown>): void {
    work.catch((thrown) => this.#overlay.options.log.warn({ err: thrown }, 'a VM and its place differ'));
  }

  // What is asked.

  async vms(): Promise<VmStatus[]> {
    return this.statuses();
  }

  /** What hosts said that they have, when they connected last. */
  machines(): Map<string, HostMachine> {
    return this.#hosts.machines();
  }

  statuses(): VmStatus[] {
    const { topology } = this.#overlay;
    return topology.vms.map((vm) => this.#status(vm)).sort((a, b) => (a.vm < b.vm ? -1 : 1));
  }

  async startVm(name: string, options: { host?: string; fence?: string[] } = {}): Promise<VmStatus> {
    const vm = this.#find(name);
    await this.#runs.start(vm, options);
    return this.#status(vm);
  }

  async stopVm(name: string, options: { graceMs?: number; fence?: string[] } = {}): Promise<VmStatus> {
    const vm = this.#find(name);
    await this.#runs.stop(name, options);
    return this.#status(vm);
  }

  async checkVm(name: string, host: string): Promise<VmCheck> {
    const vm = this.#find(name);
    if (!this.#hosts.isKnown(host)) throw noHost(host);
    const obstacles = await this.#obstacles(vm, host);
    return { vm: name, host, obstacles, possible: obstacles.every(({ blocking }) => !blocking) };
  }

  async moveVms({ moves, options = {} }: MoveRequest, progress?: Progress): Promise<MoveResult[]> {
    const wanted = moves.map(({ vm, host }) => ({ vm: this.#find(vm), host }));
    for (const { host } of wanted) if (!this.#hosts.isKnown(host)) throw noHost(host);
    if (new Set(moves.map(({ vm }) => vm)).size < moves.length) {
      throw new VnetError('VNET_ERR_INVALID', 'a VM is named twice', {
        hint: 'name one destination for each',
      });
    }
    return this.#moves.run(wanted, options, progress);
  }

  async cancelMove(name: string): Promise<void> {
    this.#find(name);
    this.#moves.cancel(name);
  }

  async drainHost(host: string, options: MoveOptions = {}, progress?: Progress): Promise<MoveResult[]> {
    if (!this.#hosts.isKnown(host)) throw noHost(host);
    const { topology, registry } = this.#overlay;
    const here = topology.vms.filter(
      (vm) => (this.#records.get(vm.name)?.host ?? registry.hostOf(vm)) === host,
    );
    const staying = new Map<string, string>();
    for (const vm of here) {
      const record = this.#records.get(vm.name);
      const runs = record !== undefined && record.mayRunOn.length > 0;
      if (vm.pinned) staying.set(vm.name, `it is pinned on ${vm.host}`);
      else if (!vm.machine && !record) staying.set(vm.name, 'somebody else runs it: its owner moves it');
      else if (!runs) staying.set(vm.name, '');
    }
    const leaving = here.filter(({ name }) => !staying.has(name));
    const rooms = this.#hosts
      .rooms()
      .filter((room) => this.#hosts.of(room.host) && this.#hosts.machineOf(room.host));
    const plan = planDrain(
      host,
      rooms,
      residentsOf(this.#records.all()),
      leaving.map(({ name }) => name),
    );
    for (const { vm, reason } of plan.stay) staying.set(vm, reason);
    const moved = await this.moveVms(
      { moves: plan.moves.map(({ vm, to }) => ({ vm, host: to })), options },
      progress,
    );
    // What does not run is no trouble to whoever switches the host off.
    const stayed = [...staying].filter(([, reason]) => reason !== '');
    return [
      ...moved,
      ...stayed.map(([vm, reason]): MoveResult => {
        return { vm, from: host, to: host, outcome: 'stayed', reason, totalMs: 0 };
      }),
    ];
  }

  /** Throws where a change takes the ground from under a VM that runs, or may run. */
  refuseChange({ add, remove }: Change): void {
    const next = new Map(add.vms.map((vm) => [vm.name, vm]));
    for (const { name } of remove.vms) {
      const record = this.#records.get(name);
      if (!record || record.mayRunOn.length === 0) continue;
      const after = next.get(name);
      if (after?.machine && after.network === record.spec.network) continue;
      const what = after ? 'the change takes away how it is run' : 'the change removes it';
      throw new VnetError('VNET_ERR_CONFLICT', `${name} runs on ${record.mayRunOn.join(', ')}, and ${what}`, {
        hint: `"vnet vm stop ${name}" first`,
      });
    }
    for (const { name } of remove.hosts) {
      if (add.hosts.some((host) => host.name === name)) continue;
      const held = this.#records.all().find(({ mayRunOn }) => mayRunOn.includes(name));
      if (!held) continue;
      throw new VnetError(
        'VNET_ERR_CONFLICT',
        `${held.spec.name} runs on ${name}, and the change removes ${name}`,
        {
          hint: `"vnet host drain ${name}", or stop the VM, first`,
        },
      );
    }
  }

  /** After a change: what no statement names any more is forgotten. */
  changed(): void {
    const names = new Set(this.#overlay.topology.vms.map(({ name }) => name));
    const gone = this.#records
      .all()
      .filter(({ spec, mayRunOn }) => !names.has(spec.name) && mayRunOn.length === 0);
    for (const { spec } of gone) this.#records.delete(spec.name);
    if (gone.length > 0) this.#records.saveSoon();
  }

  async close(): Promise<void> {
    this.#moves.close();
    await this.#records.save().catch(() => {}); // Said when it was tried; hosts will be asked.
  }

  // In words.

  #find(name: string): Vm {
    const vm = this.#overlay.topology.vms.find((other) => other.name === name);
    if (!vm) throw new VnetError('VNET_ERR_NOT_FOUND', `no VM is called ${name}`, { hint: 'see "vnet vms"' });
    return vm;
  }

  async #obstacles(vm: Vm, host: string): Promise<VmObstacle[]> {
    const record = this.#records.get(vm.name);
    const spec = record?.spec ?? specOf(vm, this.#overlay.topology);
    const from = record && record.mayRunOn.length > 0 ? record.host : undefined;
    const own = this.#ownObstacles(vm, host, from);
    if (!spec || from === host) return own;
    const vms = this.#hosts.of(host);
    const told = vms
      ? await vms.check(spec, from === undefined ? undefined : this.#hosts.machineOf(from))
      : [];
    const mine = this.#runs
      .obstacles(spec, host)
      .filter(({ kind }) => !told.some((other) => other.kind === kind));
    return [...own, ...mine, ...told];
  }

  #ownObstacles(vm: Vm, host: string, from: string | undefined): VmObstacle[] {
    const found: VmObstacle[] = [];
    const add = (kind: VmObstacle['kind'], message: string, hint?: string) =>
      found.push({ kind, message, blocking: true, ...(hint === undefined ? {} : { hint }) });
    if (!vm.machine && from === undefined)
      add('driver', `somebody else runs ${vm.name}`, 'let its owner move it: the overlay follows');
    if (vm.pinned && vm.host !== host) add('place', `${vm.name} is pinned on ${vm.host}`);
    if (from === host) add('place', `${vm.name} is on ${host} already`);
    if (this.#moves.isMoving(vm.name)) add('state', `${vm.name} moves`, 'wait for it, or cancel that move');
    const away = [from, host].filter((other) => other !== undefined && !this.#hosts.of(other));
    if (away.length > 0) add('reach', `${away.join(' and ')} cannot be reached`);
    return found;
  }

  #status(vm: Vm): VmStatus {
    const record = this.#records.get(vm.name);
    const driver = record?.spec.machine.driver ?? vm.machine?.driver;
    const state = this.#stateOf(vm, record);
    const move = this.#moves.view(vm.name);
    const reason = this.#reasonOf(vm, record);
    return {
      vm: vm.name,
      network: vm.network,
      host: record && record.mayRunOn.length > 0 ? record.host : this.#overlay.registry.hostOf(vm),
      pinned: vm.pinned ?? false,
      ...(driver === undefined ? {} : { driver }),
      ...(state === undefined ? {} : { state }),
      ...(reason === undefined ? {} : { reason }),
      memoryBytes: record?.spec.memoryBytes ?? vm.memoryBytes ?? VM_MEMORY_BYTES,
      cpus: record?.spec.cpus ?? vm.cpus ?? VM_CPUS,
      ...(record?.console === undefined ? {} : { console: record.console }),
      mayRunOn: [...(record?.mayRunOn ?? [])],
      ...(move === undefined ? {} : { move }),
    };
  }

  #stateOf(vm: Vm | undefined, record: VmRecord | undefined): VmState | undefined {
    if (!record) return vm?.machine ? 'stopped' : undefined;
    const isUnknown = record.mayRunOn.some((host) => !this.#hosts.of(host));
    const isTwice = record.mayRunOn.length > 1 && !record.move;
    return isUnknown || isTwice ? 'unknown' : record.state;
  }

  #reasonOf(vm: Vm, record: VmRecord | undefined): string | undefined {
    if (!record || record.mayRunOn.length === 0) return record?.reason;
    const away = record.mayRunOn.filter((host) => !this.#hosts.of(host));
    if (away.length > 0) return `it may run on ${away.join(' and ')}, which cannot be asked`;
    if (record.mayRunOn.length > 1 && !record.move)
      return `it may run on ${record.mayRunOn.join(' and ')}: stop it, and start it once`;
    if (vm.pinned && vm.host !== record.host)
      return `its statement pins it on ${vm.host}: move it with "vnet vm migrate ${vm.name} ${vm.host}"`;
    return record.reason;
  }

  #tell(record: VmRecord, move = this.#moves.view(record.spec.name)): void {
    const { name } = record.spec;
    const vm = this.#overlay.topology.vms.find((other) => other.name === name);
    const state = this.#stateOf(vm, record);
    if (state === undefined) return;
    const nowMs = this.#overlay.options.clock.now();
    const text = `${state} ${record.host} ${move?.phase ?? ''} ${record.reason ?? ''}`;
    const before = this.#told.get(name);
    if (before?.text === text && (!move?.transfer || nowMs - before.atMs < PROGRESS_EVENT_MS)) return;
    this.#told.set(name, { text, atMs: nowMs });
    const reason = record.reason === undefined ? {} : { reason: record.reason };
    this.#overlay.emit({
      kind: 'vm-state',
      vm: name,
      host: record.host,
      state,
      ...reason,
      ...(move ? { move } : {}),
    });
  }
}

/** It is, or may be, executed there. */
function isThere({ state }: VmReport): boolean {
  return state === 'running' || state === 'paused' || state === 'starting';
}
