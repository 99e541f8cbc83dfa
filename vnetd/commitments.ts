/**
 * What a configuration promises beside links, ports and rules: bandwidth of the underlay and CPU. It is set up before
 * the rest is carried out and given back after, and undone if the rest fails. Configurations are carried out in the
 * order they came.
 */
import { cpus } from 'node:os';
import {
  type Clock,
  type HostConfig,
  type HostDelta,
  type ReservationView,
  type RunningVm,
  type Store,
  type VnetError,
} from '../core/index.js';
import { type CpuHierarchy, quotaOf } from './cgroup/index.js';
import { chooseCpuMeans, type CpuMeansKind, CpuReservations } from './cpu/index.js';
import { chooseReservations, Reservations, type ReserveOptions } from './reservations/index.js';

export interface CommitmentMeans {
  host: string;
  store: Store;
  hierarchy: CpuHierarchy | undefined;
  reserve?: ReserveOptions | undefined;
  cpu?: CpuMeansKind | undefined;
}

export interface CommitmentsOptions {
  clock: Clock;
  /** As it is now. */
  config(): HostConfig;
  /** Where a link's peer is, as `ADDRESS:PORT`. */
  remoteOf(link: string): string | undefined;
  /** VMs that execute here. */
  handles(): ReadonlyMap<string, RunningVm>;
  /** What could not be promised, where nobody waits for the answer. */
  onProblem(error: VnetError): void;
}

/** What a configuration, or a part of one, does. */
export interface Step extends Pick<HostDelta, 'links' | 'cpu'> {
  /** The whole that it leads to. Called when its turn comes, as `carryOut`. */
  next(): HostConfig;
  carryOut(): void;
  /** What cannot be promised is told as a problem and stops nothing. */
  tolerant: boolean;
}

export class Commitments {
  readonly #options: CommitmentsOptions;
  readonly #bandwidth: Reservations;
  readonly #cpu: CpuReservations;
  #last: Promise<void> | undefined;

  /** Throws where what the daemon's options ask for cannot be had; nothing is touched yet. */
  constructor({ host, store, hierarchy, reserve = {}, cpu }: CommitmentMeans, options: CommitmentsOptions) {
    const { clock, handles, remoteOf, onProblem } = options;
    this.#options = options;
    this.#bandwidth = new Reservations({
      driver: chooseReservations(reserve, { host, store }),
      remoteOf,
      onProblem,
    });
    this.#cpu = new CpuReservations({
      clock,
      means: chooseCpuMeans(cpu, { hierarchy, host }),
      cpus: () => (hierarchy && quotaOf(hierarchy)?.cpus) ?? Math.max(1, cpus().length),
      handles,
      onProblem,
    });
  }

  /** Takes off what an earlier process of this daemon left. */
  async clear(): Promise<void> {
    await Promise.all([this.#bandwidth.clear(), this.#cpu.clear()]);
  }

  /** Carried out at once where nothing is promised. Rejects as the step's `carryOut` throws, and where it is strict. */
  async carry(step: Step): Promise<void> {
    if (this.#last === undefined && !this.#concerns(step)) return step.carryOut();
    const turn = (this.#last ?? Promise.resolve()).then(() => this.#carry(step));
    const last = turn.catch(() => {});
    this.#last = last;
    await turn.finally(() => {
      if (this.#last === last) this.#last = undefined;
    });
  }

  linkUp(link: string): void {
    this.#bandwidth.linkUp(link);
  }

  vmsChanged(): void {
    this.#cpu.vmsChanged();
  }

  /** Folder of a CPU group that has the VM's processes and no others. */
  groupOf(vm: string): string | undefined {
    return this.#cpu.groupOf(vm);
  }

  views(): ReservationView[] {
    return [...this.#bandwidth.views(), ...this.#cpu.views()];
  }

  /** After the links are closed. Idempotent. */
  async close(): Promise<void> {
    await Promise.all([this.#bandwidth.close(), this.#cpu.close()]);
  }

  #concerns({ links, cpu }: Step): boolean {
    return this.#bandwidth.concern(links ?? []) || this.#cpu.concern(cpu);
  }

  async #carry({ tolerant, carryOut, ...step }: Step): Promise<void> {
    const [before, next] = [this.#options.config(), step.next()];
    try {
      await this.#bandwidth.prepare(next.links, tolerant);
      await this.#cpu.set(next.cpu, tolerant);
      carryOut();
    } catch (thrown) {
      await this.#cpu.set(before.cpu, true);
      await this.#bandwidth.settle(before.links);
      throw thrown;
    }
    await this.#bandwidth.settle(next.links);
  }
}
