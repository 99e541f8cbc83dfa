/** For the tests: VMs of a few hosts that start, stop and move as drivers let them, and can be told to misbehave. */
import {
  type HostMachine,
  type MoveOptions,
  type VmHost,
  type VmObstacle,
  type VmReport,
  type VmSpec,
  type VmTicket,
  VnetError,
} from '../core/index.js';

const GIB = 2 ** 30;
/** Between two stages of a move. */
const STAGE_MS = 3;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export type Stage = 'copying' | 'paused' | 'handed over';

interface Running {
  spec: VmSpec;
  state: 'starting' | 'running' | 'paused';
  port: string;
  move?: string;
}

/** All hosts of a test: whom a ticket leads to. */
export class FakeVmWorld {
  readonly hosts = new Map<string, FakeVms>();
  /** A move does not go beyond this stage until it is let. */
  holdAt: Stage | undefined;
  /** Every moment at which a VM was executed at two hosts. */
  readonly doubles: string[] = [];

  of(host: string): FakeVms {
    const known = this.hosts.get(host) ?? new FakeVms(host, this);
    this.hosts.set(host, known);
    return known;
  }

  async reach(stage: Stage, isOff: () => boolean): Promise<void> {
    await sleep(STAGE_MS);
    while (this.holdAt === stage && !isOff()) await sleep(1);
  }

  look(vm: string): void {
    const at = [...this.hosts.values()].filter((host) => host.executes(vm)).map(({ host }) => host);
    if (at.length > 1) this.doubles.push(`${vm} on ${at.join(' and ')}`);
  }

  whereRuns(vm: string): string[] {
    return [...this.hosts.values()].filter((host) => host.executes(vm)).map(({ host }) => host);
  }
}

export class FakeVms implements VmHost {
  readonly host: string;
  readonly vms = new Map<string, Running>();
  /** By move. */
  readonly incoming = new Map<string, { spec: VmSpec; port: string }>();
  readonly calls: string[] = [];
  obstacles: VmObstacle[] = [];
  memoryBytes = 4 * GIB;
  /** The next call of this name is refused. */
  refuse: string | undefined;
  /** Where reports go; undefined: the Proxy cannot be reached, they are lost. */
  tell: ((report: VmReport) => void) | undefined;
  readonly #world: FakeVmWorld;
  readonly #cancelled = new Set<string>();

  constructor(host: string, world: FakeVmWorld) {
    this.host = host;
    this.#world = world;
  }

  executes(vm: string): boolean {
    return this.vms.get(vm)?.state === 'running';
  }

  capabilities(): HostMachine {
    return {
      memoryBytes: this.memoryBytes,
      freeMemoryBytes: this.memoryBytes,
      cpus: 8,
      cpuModel: 'fake',
      drivers: { exec: true },
    };
  }

  async machine(): Promise<HostMachine> {
    return this.capabilities();
  }

  async reports(): Promise<VmReport[]> {
    return this.said();
  }

  said(): VmReport[] {
    const running = [...this.vms].map(([vm, { state, port, move }]) => ({
      vm,
      state,
      port,
      ...moveOf(move),
    }));
    const incoming = [...this.incoming].map(
      ([move, { spec, port }]): VmReport => ({ vm: spec.name, state: 'receiving', port, move }),
    );
    return [...running, ...incoming];
  }

  async check(): Promise<VmObstacle[]> {
    return this.obstacles;
  }

  async start(spec: VmSpec): Promise<VmReport> {
    this.#meet('start');
    const known = this.vms.get(spec.name);
    const port = spec.port ?? `tap:${spec.name}-${this.host}`;
    if (!known) {
      this.#set(spec.name, { spec, state: 'starting', port });
      await sleep(STAGE_MS);
      this.#set(spec.name, { spec, state: 'running', port });
    }
    return { vm: spec.name, state: 'running', port };
  }

  async stop(vm: string): Promise<void> {
    this.#meet('stop');
    this.#gone(vm, 'stopped');
  }

  async receive(move: string, spec: VmSpec): Promise<{ ticket: VmTicket; port: string }> {
    this.#meet('receive');
    const port = spec.port ?? `tap:${spec.name}-${this.host}`;
    this.incoming.set(move, { spec, port });
    this.tell?.({ vm: spec.name, state: 'receiving', port, move });
    await sleep(1);
    return { ticket: { driver: 'exec', host: this.host }, port };
  }

  async send(move: string, vm: string, ticket: VmTicket, _: MoveOptions): Promise<void> {
    this.#meet('send');
    const running = this.vms.get(vm);
    if (!running) throw new VnetError('VNET_ERR_NOT_FOUND', `${vm} does not run here`);
    this.#set(vm, { ...running, move });
    void this.#transfer(move, vm, this.#world.of(String(ticket['host'])));
  }

  async cancel(move: string): Promise<void> {
    this.#meet('cancel');
    this.#cancelled.add(move);
  }

  async discard(move: string): Promise<void> {
    this.#meet('discard');
    const executes = [...this.vms.values()].some((running) => running.move === move);
    if (executes) throw new VnetError('VNET_ERR_REFUSED', 'it executes');
    this.incoming.delete(move);
  }

  /** Its VMs and what it receives are gone, as when the machine loses its power. */
  die(): void {
    this.vms.clear();
    this.incoming.clear();
    this.tell = undefined;
  }

  async #transfer(move: string, vm: string, to: FakeVms): Promise<void> {
    const isOff = () => this.#cancelled.has(move) || !to.incoming.has(move) || !this.vms.has(vm);
    await this.#world.reach('copying', isOff);
    if (this.#isOver(move, vm, isOff())) return;
    this.#change(vm, 'paused', move);
    await this.#world.reach('paused', isOff);
    if (this.#isOver(move, vm, isOff())) return;
    const { spec, port } = to.incoming.get(move) as { spec: VmSpec; port: string };
    to.incoming.delete(move);
    to.#set(vm, { spec, state: 'running', port, move });
    await this.#world.reach('handed over', () => false);
    if (this.vms.get(vm)?.state === 'paused') this.#gone(vm, 'stopped', move);
  }

  /** It stays, and says so. */
  #isOver(move: string, vm: string, isOff: boolean): boolean {
    const running = this.vms.get(vm);
    if (!isOff || !running) return isOff;
    const { move: _, ...rest } = running;
    this.vms.set(vm, { ...rest, state: 'running' });
    this.#world.look(vm);
    this.tell?.({ vm, state: 'running', port: running.port, move, reason: 'the move was given up' });
    return true;
  }

  #change(vm: string, state: 'running' | 'paused', move: string): void {
    const running = this.vms.get(vm);
    if (running) this.#set(vm, { ...running, state, move });
  }

  #set(vm: string, running: Running): void {
    this.vms.set(vm, running);
    this.#world.look(vm);
    const { state, port, move } = running;
    this.tell?.({ vm, state, port, ...moveOf(move) });
  }

  #gone(vm: string, state: 'stopped' | 'failed', move?: string): void {
    if (!this.vms.delete(vm)) return;
    this.tell?.({ vm, state, ...moveOf(move) });
  }

  #meet(call: string): void {
    this.calls.push(call);
    if (!this.tell) throw new VnetError('VNET_ERR_UNREACHABLE', `${this.host} is gone`);
    if (this.refuse !== call) return;
    this.refuse = undefined;
    throw new VnetError('VNET_ERR_UNSUPPORTED', `${this.host} refuses to ${call}`);
  }
}

const moveOf = (move: string | undefined) => (move === undefined ? {} : { move });
