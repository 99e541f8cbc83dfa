/**
 * A scenario that runs: daemons, light VMs that can move, an underlay that Wren knows. One bed serves all runs of a
 * figure; `reset` takes it back to where it began.
 */
import type { ChildProcess } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { type ControlClient, DEFAULT_SIGHT, type Shape, type Topology } from '../../core/index.js';
import { emptySpec, emulatorProgram, type LabNode, type LabSpec, OverlayLab } from '../../lab/index.js';
import { setQuota } from './quota.js';
import { addressOf, macOf, type Scenario, VM_MEMORY_BYTES } from './scenario.js';

export const PROXY = 'home';
/** While daemons start and the underlay is measured. */
const START_CPU_PERCENT = 100;
/** Then too; afterwards it is the default. */
const START_PROBE_SHARE = 0.1;
/** Pairs of hosts without a link are tried one after the other, seconds each. */
const UNDERLAY_TIMEOUT_MS = 240_000;
const POLL_MS = 250;
const RESET_TRIES_MAX = 10;
/** After a reset, until the traffic of the run before has left all windows. */
const CALM_MS = 500;

export class AdaptBed {
  readonly #base: Topology;
  #load: ChildProcess[] = [];

  private constructor(
    readonly scenario: Scenario,
    readonly overlay: OverlayLab,
    parts: Partial<Topology>,
  ) {
    const { shapes = [], ...rest } = parts;
    const stars: Shape[] = scenario.star
      ? [{ kind: 'star', type: scenario.star, network: 'lab', hosts: [] }]
      : [];
    this.#base = { ...withRoom(scenario, overlay.topology()), ...rest, shapes: [...stars, ...shapes] };
  }

  /** @param parts what the user has beside hosts and VMs: links, shapes, routes */
  static async make(scenario: Scenario, parts: Partial<Topology> = {}): Promise<AdaptBed> {
    const overlay = await OverlayLab.make(specOf(scenario), { name: scenario.name, proxy: PROXY });
    const bed = new AdaptBed(scenario, overlay, parts);
    try {
      await bed.#start();
      return bed;
    } catch (thrown) {
      await bed.close();
      throw thrown;
    }
  }

  get client(): ControlClient {
    return this.overlay.client();
  }

  /** In the scenario's order; each with its host's quota as it is now. */
  async places(): Promise<LabNode[]> {
    await this.overlay.lab.refresh();
    return this.scenario.vms.map(({ name }) => this.overlay.lab.vm(name));
  }

  /** VM to host. */
  async mapping(): Promise<Record<string, string>> {
    const all = await this.client.vms();
    return Object.fromEntries(all.map(({ vm, host }) => [vm, host]));
  }

  /** Adaptation off, what it made removed, every VM where the scenario has it. */
  async reset(): Promise<void> {
    await this.client.setAdaptation({ mode: 'off' });
    await this.client.clearAdaptation();
    for (let tries = 1; !(await this.#goHome(tries === RESET_TRIES_MAX)); tries++) await pause(CALM_MS);
    await pause(CALM_MS);
  }

  /** Starts the scenario's outside load, if it has one and it does not run yet. */
  async startLoad(): Promise<void> {
    const { load } = this.scenario;
    if (!load || this.#load.length > 0) return;
    const command = [await emulatorProgram(), 'load', '100'];
    const host = this.overlay.lab.host(load.host);
    this.#load = Array.from({ length: load.workers }, () => host.spawn(command, { stdio: 'ignore' }));
  }

  endLoad(): void {
    for (const child of this.#load) child.kill('SIGKILL');
    this.#load = [];
  }

  /** True: every VM is there. A move that adaptation had begun may still end elsewhere. */
  async #goHome(mustBe: boolean): Promise<boolean> {
    const now = await this.mapping();
    const moves = this.scenario.vms
      .filter(({ name, host }) => now[name] !== host)
      .map(({ name, host }) => ({ vm: name, host }));
    const results = moves.length === 0 ? [] : await this.client.moveVms({ moves });
    const stayed = results.find(({ outcome }) => outcome !== 'moved');
    if (stayed && mustBe) throw new Error(`${stayed.vm} does not go back: ${stayed.reason}`);
    return moves.length === 0;
  }

  async close(): Promise<void> {
    this.endLoad();
    await this.overlay.close();
  }

  async #start(): Promise<void> {
    await this.client.apply({ kind: 'target', topology: this.#base });
    await this.overlay.whole();
    for (const { name } of this.scenario.vms) await this.client.startVm(name);
    await this.client.setSight({ probeShare: START_PROBE_SHARE });
    await this.#underlayKnown();
    await this.client.setSight({ probeShare: DEFAULT_SIGHT.probeShare });
    for (const { name, cpus } of this.scenario.hosts) setQuota(this.overlay.lab.host(name), cpus);
  }

  /** Every pair of hosts, each way, that a path leads between has an estimate of its bandwidth. */
  #underlayKnown(): Promise<boolean> {
    const { spec } = this.overlay.lab;
    const cut = new Set(spec.paths.filter(({ up }) => up === false).map(({ from, to }) => `${from} ${to}`));
    const names = this.overlay.lab.hosts.map(({ name }) => name);
    const wanted = names
      .flatMap((from) => names.filter((to) => to !== from).map((to) => `${from} ${to}`))
      .filter((pair) => !cut.has(pair));
    return this.overlay.until(
      'an estimate of every path',
      async () => {
        const { paths } = await this.client.underlay();
        const known = new Set(
          paths.filter((path) => path.availableBitsPerSecond).map(({ from, to }) => `${from} ${to}`),
        );
        if (wanted.every((pair) => known.has(pair))) return true;
        await pause(POLL_MS);
        return undefined;
      },
      UNDERLAY_TIMEOUT_MS,
    );
  }
}

function specOf({ hosts, home, paths, vms }: Scenario): LabSpec {
  const lab = emptySpec();
  lab.hosts.push({ name: PROXY, ...accessOf(home) });
  for (const { name, ...access } of hosts)
    lab.hosts.push({ name, ...accessOf(access), cpuPercent: START_CPU_PERCENT });
  lab.paths.push(...paths);
  for (const [index, { name, host }] of vms.entries())
    lab.vms.push({ name, host, mac: macOf(index), ips: [`${addressOf(index)}/24`] });
  return lab;
}

function accessOf({ rateBps, delayMs }: { rateBps?: number | null; delayMs?: number }) {
  return { ...(rateBps === undefined ? {} : { rateBps }), ...(delayMs === undefined ? {} : { delayMs }) };
}

/** The Proxy's host has room for the VMs that begin there, and for no others. */
function withRoom(scenario: Scenario, topology: Topology): Topology {
  const rooms = new Map(scenario.hosts.map(({ name, room }) => [name, room]));
  const atProxy = scenario.vms.filter(({ host }) => host === PROXY).length;
  return {
    ...topology,
    hosts: topology.hosts.map((host) => {
      const room = rooms.get(host.name) ?? atProxy;
      return { ...host, memoryBytes: Math.max(1, room * VM_MEMORY_BYTES) };
    }),
    vms: topology.vms.map((vm) => {
      const { pinned } = scenario.vms.find(({ name }) => name === vm.name) ?? {};
      return { ...vm, memoryBytes: VM_MEMORY_BYTES, ...(pinned === undefined ? {} : { pinned }) };
    }),
  };
}
