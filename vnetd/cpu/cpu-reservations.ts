/**
 * Keeps the CPU of the VMs that run here equal to what is reserved for them (VSched). What a VM starts later, and what
 * was started for it, is taken in within SWEEP_MS. A VM that leaves or ends has nothing of it any more.
 */
import {
  type Clock,
  type CpuConfig,
  type ReservationView,
  type RunningVm,
  VnetError,
} from '../../core/index.js';
import type { CpuMeans } from './means.js';

export interface CpuReservationsOptions {
  clock: Clock;
  means: CpuMeans;
  /** CPUs that this host may use. */
  cpus(): number;
  /** VMs that execute here. */
  handles(): ReadonlyMap<string, RunningVm>;
  /** What could not be done, where nobody waits for the answer. */
  onProblem(error: VnetError): void;
}

/** Between two looks at the processes of VMs whose CPU is reserved. */
export const SWEEP_MS = 1000;
/** A slice that stands is given back when so many looks in a row could not see to it. */
export const MISSES_MAX = 3;
/** What says which processes a VM has, and what holds them, is waited for so long: a change waits for it. */
export const HOLD_MAX_MS = 1000;

type Outcome = 'held' | 'waiting' | VnetError;

export class CpuReservations {
  readonly #options: CpuReservationsOptions;
  #wanted: readonly CpuConfig[] = [];
  readonly #held = new Map<string, { config: CpuConfig; misses: number }>();
  #outcomes = new Map<string, Outcome>();
  readonly #told = new Map<string, string>();
  #turn: Promise<void> = Promise.resolve();
  /** A look waits for its turn: what happens meanwhile needs no other. */
  #looksSoon = false;
  #cancelSweep: (() => void) | undefined;
  #isClosed = false;

  constructor(options: CpuReservationsOptions) {
    this.#options = options;
  }

  /** True: these, or those of now, are reservations. */
  concern(wanted: readonly CpuConfig[] = []): boolean {
    return this.#wanted.length + wanted.length > 0;
  }

  /** Takes off what an earlier process of the daemon left. Never rejects. */
  clear(): Promise<void> {
    return this.#inTurn(() =>
      this.#options.means.clear().catch((thrown: unknown) => this.#options.onProblem(VnetError.from(thrown))),
    );
  }

  /**
   * From now on these are reserved. Rejects, with all as it was, where one that is new cannot be given to a VM that
   * runs here; `tolerant`: that is told as a problem.
   */
  set(wanted: readonly CpuConfig[] = [], tolerant: boolean): Promise<void> {
    return this.#inTurn(async () => {
      const before = this.#wanted;
      const fresh = wanted.filter((config) => !before.some((old) => same(old, config)));
      await this.#look(wanted);
      const error = tolerant ? undefined : fresh.flatMap(({ vm }) => this.#failure(vm) ?? [])[0];
      if (error !== undefined) await this.#look(before);
      this.#tell();
      this.#sweepLater();
      if (error !== undefined) throw error;
    });
  }

  /** A VM came, left or ended. */
  vmsChanged(): void {
    if (this.#looksSoon || !this.concern()) return;
    this.#looksSoon = true;
    const looked = this.#inTurn(async () => {
      this.#looksSoon = false;
      await this.#look(this.#wanted);
      this.#tell();
    });
    looked.catch((thrown: unknown) => this.#options.onProblem(VnetError.from(thrown)));
  }

  /** Folder of a CPU group that has the VM's processes and no others. */
  groupOf(vm: string): string | undefined {
    return this.#options.means.groupOf(vm);
  }

  views(): ReservationView[] {
    return this.#wanted.map(({ vm, periodUs, sliceUs }) => {
      const view = { kind: 'cpu', of: vm, periodUs, sliceUs } as const;
      const outcome = this.#outcomes.get(vm) ?? 'waiting';
      if (outcome === 'waiting')
        return { ...view, state: 'waiting', text: 'it does not run here, or others run it' };
      if (outcome === 'held') return { ...view, state: 'held', text: this.#options.means.name };
      const { message, hint } = outcome;
      return { ...view, state: 'failed', text: hint === undefined ? message : `${message}: ${hint}` };
    });
  }

  /** VMs go on without. Idempotent, never rejects. */
  close(): Promise<void> {
    if (this.#isClosed) return this.#turn;
    const last = this.#inTurn(() => this.#look([]));
    this.#isClosed = true;
    this.#cancelSweep?.();
    return last;
  }

  #inTurn(act: () => Promise<void>): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    const done = this.#turn.then(act);
    this.#turn = done.catch(() => {});
    return done;
  }

  #sweepLater(): void {
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    if (this.#isClosed || this.#wanted.length === 0) return;
    this.#cancelSweep = this.#options.clock.after(SWEEP_MS, () => {
      this.vmsChanged();
      this.#sweepLater();
    });
  }

  async #look(wanted: readonly CpuConfig[]): Promise<void> {
    this.#wanted = wanted;
    const handles = this.#options.handles();
    const isHere = new Set(wanted.flatMap(({ vm }) => (handles.has(vm) ? [vm] : [])));
    for (const vm of this.#held.keys()) if (!isHere.has(vm)) await this.#release(vm);
    const outcomes = new Map<string, Outcome>();
    let slices = 0;
    // Those that have theirs come first.
    const inOrder = [...wanted].sort((a, b) => Number(this.#held.has(b.vm)) - Number(this.#held.has(a.vm)));
    for (const config of inOrder) {
      const handle = handles.get(config.vm);
      const outcome = handle === undefined ? 'waiting' : await this.#hold(config, handle, slices);
      if (outcome === 'held') slices += config.sliceUs / config.periodUs;
      outcomes.set(config.vm, outcome);
    }
    this.#outcomes = outcomes;
  }

  /** `slices`: CPUs that are reserved already. */
  async #hold(config: CpuConfig, handle: RunningVm, slices: number): Promise<Outcome> {
    const { vm } = config;
    try {
      this.#checkRoom(config, slices);
      await this.#soon(vm, (signal) => this.#holdNow(config, handle, signal));
      this.#held.set(vm, { config, misses: 0 });
      return 'held';
    } catch (thrown) {
      const error = VnetError.from(thrown);
      const standing = this.#held.get(vm);
      const isPassing = error.code !== 'VNET_ERR_LIMIT' && standing && same(standing.config, config);
      if (isPassing && ++standing.misses < MISSES_MAX) return 'held';
      if (standing) await this.#release(vm);
      return error;
    }
  }

  async #holdNow(config: CpuConfig, handle: RunningVm, signal: AbortSignal): Promise<void> {
    const { vm } = config;
    const { means } = this.#options;
    if (handle.processes === undefined) throw unknownProcesses(vm);
    const [processes, threads] = await Promise.all([
      handle.processes(),
      means.byThread ? handle.cpuThreads?.() : undefined,
    ]);
    signal.throwIfAborted();
    // From here on something of it may be set.
    if (!this.#held.has(vm)) this.#held.set(vm, { config, misses: MISSES_MAX });
    await means.hold(config, { vm, processes, threads });
  }

  async #soon(vm: string, act: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const givenUp = new AbortController();
    let cancel = () => {};
    const late = new Promise<never>((_, reject) => {
      const error = new VnetError('VNET_ERR_TIMEOUT', `VM ${vm} does not let its CPU be reserved in time`, {
        hint: 'its QEMU or this host is busy: see whether it answers',
      });
      cancel = this.#options.clock.after(HOLD_MAX_MS, () => {
        givenUp.abort(error);
        reject(error);
      });
    });
    try {
      await Promise.race([act(givenUp.signal), late]);
    } finally {
      cancel();
    }
  }

  async #release(vm: string): Promise<void> {
    try {
      await this.#options.means.release(vm);
      this.#held.delete(vm);
    } catch (thrown) {
      this.#tellOnce(`release ${vm}`, VnetError.from(thrown));
    }
  }

  #checkRoom({ vm, periodUs, sliceUs }: CpuConfig, slices: number): void {
    const cpus = this.#options.cpus();
    if (slices + sliceUs / periodUs <= cpus) return;
    const left = Math.max(0, Math.round((cpus - slices) * 100) / 100);
    const message = `${sliceUs} us in every ${periodUs} us for VM ${vm} is more than this host has: ${left} of ${cpus} CPUs are not reserved`;
    throw new VnetError('VNET_ERR_LIMIT', message, { hint: 'reserve less, or move a VM away' });
  }

  #failure(vm: string): VnetError | undefined {
    const outcome = this.#outcomes.get(vm);
    return outcome instanceof VnetError ? outcome : undefined;
  }

  #tell(): void {
    for (const vm of this.#told.keys()) if (this.#failure(vm) === undefined) this.#told.delete(vm);
    for (const vm of this.#outcomes.keys()) {
      const error = this.#failure(vm);
      if (error !== undefined) this.#tellOnce(vm, error);
    }
  }

  #tellOnce(of: string, error: VnetError): void {
    if (this.#told.get(of) === error.message) return;
    this.#told.set(of, error.message);
    this.#options.onProblem(error);
  }
}

const same = (a: CpuConfig, b: CpuConfig): boolean =>
  a.vm === b.vm && a.periodUs === b.periodUs && a.sliceUs === b.sliceUs;

const unknownProcesses = (vm: string): VnetError =>
  new VnetError(
    'VNET_ERR_UNSUPPORTED',
    `no CPU can be reserved for VM ${vm}: its driver does not say which processes it has`,
    {
      hint: 'reserve it in what runs the VM (a VM of "run exec" is your own command\'s)',
    },
  );
