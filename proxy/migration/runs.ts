/** Starting and stopping VMs: never on a second host while the first may run it. */
import {
  STOP_GRACE_MS,
  type Vm,
  type VmHost,
  type VmObstacle,
  type VmReport,
  type VmSpec,
  VnetError,
} from '../../core/index.js';
import type { Overlay } from '../overlay.js';
import type { Placing } from '../placing.js';
import { gib, reservedCpus, round, usedMemory } from './capacity.js';
import { residentsOf, specOf, type VmHosts } from './hosts.js';
import type { VmRecord, VmRecords } from './records.js';

export interface RunsOptions {
  overlay: Overlay;
  placing: Placing;
  records: VmRecords;
  hosts: VmHosts;
  isMoving(vm: string): boolean;
  /** What the host said in its answer. */
  onReport(host: string, report: VmReport): void;
  onChange(record: VmRecord): void;
}

export class Runs {
  readonly #options: RunsOptions;
  /** One thing at a time for each VM. */
  readonly #busy = new Set<string>();

  constructor(options: RunsOptions) {
    this.#options = options;
  }

  isBusy(vm: string): boolean {
    return this.#busy.has(vm);
  }

  start(vm: Vm, { host = vm.host, fence = [] }: { host?: string; fence?: string[] } = {}): Promise<void> {
    return this.#alone(vm.name, async () => {
      const { records, placing } = this.#options;
      const spec = this.#specToStart(vm, host);
      const vms = this.#reach(host);
      const running = await this.#clear(vm.name, fence, 'start it');
      if (running !== undefined) {
        if (running === host || vm.host === host) return;
        throw new VnetError('VNET_ERR_CONFLICT', `${vm.name} runs on ${running}`, {
          hint: `move it with "vnet vm migrate ${vm.name} ${host}"`,
        });
      }
      await this.#refuseObstacles(spec, host, vms);
      this.#refuseIfSeen(vm.name, []);
      const told = [...new Set([...(records.get(vm.name)?.told ?? []), host])];
      const record = records.set({ spec, host, mayRunOn: [host], told, state: 'starting' });
      try {
        await records.save();
        this.#options.onChange(record);
        // Where only the driver knows the port, the place follows with the host's first report.
        if (spec.port !== undefined) await placing.place(vm.name, host, { port: spec.port, runs: true });
      } catch (thrown) {
        leave(record, host);
        record.state = 'stopped';
        throw thrown;
      }
      this.#refuseIfSeen(vm.name, [host]);
      await this.#run(record, vms);
    });
  }

  stop(name: string, { graceMs = STOP_GRACE_MS, fence = [] }: { graceMs?: number; fence?: string[] } = {}) {
    return this.#alone(name, async () => {
      const { records, hosts, placing } = this.#options;
      const record = records.get(name);
      if (!record || record.mayRunOn.length === 0) return;
      const away = record.mayRunOn.filter((host) => !hosts.of(host) && !fence.includes(host));
      await Promise.all(
        record.mayRunOn.map(async (host) => {
          await hosts.of(host)?.stop(name, { graceMs });
          if (hosts.of(host) || fence.includes(host)) leave(record, host);
        }),
      ).finally(() => records.saveSoon());
      if (away.length > 0) throw unreachable(name, away, 'stop it');
      record.state = 'stopped';
      delete record.reason;
      await records.save();
      await placing.rest(name);
      this.#options.onChange(record);
    });
  }

  /** What stands against running it there, beyond what the daemon knows. */
  obstacles(spec: VmSpec, host: string): VmObstacle[] {
    const { records, hosts, overlay } = this.#options;
    const others = residentsOf(records.all()).filter(({ vm }) => vm !== spec.name);
    const room = hosts.rooms().find((other) => other.host === host);
    const used = usedMemory(host, others);
    const found: VmObstacle[] = [];
    if (room && spec.memoryBytes > room.memoryBytes - used) {
      found.push({
        kind: 'memory',
        message: `${host} has ${gib(Math.max(0, room.memoryBytes - used))} of ${gib(room.memoryBytes)} free for VMs, ${spec.name} needs ${gib(spec.memoryBytes)}`,
        hint: 'stop or move others, or give the host more in its statement',
        blocking: true,
      });
    }
    const cpus = others.reduce((sum, other) => sum + (other.host === host ? other.cpus : 0), spec.cpus);
    if (room && cpus > room.cpus) {
      found.push({
        kind: 'cpu',
        message: `the VMs of ${host} would ask for ${cpus} CPUs of ${room.cpus}`,
        blocking: spec.cpus > room.cpus,
      });
    }
    const { topology, intent } = overlay;
    const reservations = [...intent.adapted.cpuReservations, ...topology.cpuReservations];
    const reserved = room && reservedCpus(spec.name, room, others, reservations);
    if (reserved && reserved.wanted > reserved.left) {
      const { wanted, left } = reserved;
      found.push({
        kind: 'cpu',
        message: `${host} has ${round(left)} of ${room.cpus} CPUs that are not reserved, ${spec.name} would run without its ${round(wanted)}`,
        hint: 'reserve less, or move another away',
        blocking: false,
      });
    }
    return found;
  }

  #specToStart(vm: Vm, host: string): VmSpec {
    const { overlay, hosts } = this.#options;
    const spec = specOf(vm, overlay.topology);
    if (!spec) {
      throw new VnetError('VNET_ERR_INVALID', `the statement of ${vm.name} does not say how it is run`, {
        hint: `add "run qemu ..." to "vm ${vm.name}", or let whoever runs it start it`,
      });
    }
    if (!hosts.isKnown(host)) throw noHost(host);
    if (vm.pinned && host !== vm.host) {
      throw new VnetError('VNET_ERR_REFUSED', `${vm.name} is pinned on ${vm.host}`, {
        hint: `start it there, or write "vm ${vm.name} on ${host}"`,
      });
    }
    return spec;
  }

  /** Resolves with the host that says it runs it; undefined: none does. Rejects where one cannot be asked. */
  async #clear(name: string, fence: readonly string[], what: string): Promise<string | undefined> {
    const { records, hosts } = this.#options;
    const record = records.get(name);
    if (!record) return undefined;
    const away = record.mayRunOn.filter((host) => !hosts.of(host) && !fence.includes(host));
    if (away.length > 0) throw unreachable(name, away, what);
    for (const host of [...record.mayRunOn]) {
      const report = (await hosts.of(host)?.reports())?.find(({ vm }) => vm === name);
      if (report && report.state !== 'stopped' && report.state !== 'failed') return host;
      leave(record, host);
    }
    return undefined;
  }

  /** A host may have come back, and said that it runs it, while others were asked. */
  #refuseIfSeen(name: string, expected: readonly string[]): void {
    const record = this.#options.records.get(name);
    const seen = record?.mayRunOn.filter((host) => !expected.includes(host)) ?? [];
    if (!record || seen.length === 0) return;
    for (const host of expected) leave(record, host);
    const [host] = seen;
    if (host !== undefined && seen.length === 1) record.host = host;
    this.#options.records.saveSoon();
    throw new VnetError('VNET_ERR_CONFLICT', `${seen.join(' and ')} came back and runs ${name}`, {
      hint: 'see "vnet vms"',
    });
  }

  async #refuseObstacles(spec: VmSpec, host: string, vms: VmHost): Promise<void> {
    const found = [...this.obstacles(spec, host), ...(await vms.check(spec))];
    const blocking = found.filter((obstacle) => obstacle.blocking);
    const [first] = blocking;
    if (!first) return;
    const code = first.kind === 'memory' || first.kind === 'cpu' ? 'VNET_ERR_LIMIT' : 'VNET_ERR_REFUSED';
    throw new VnetError(
      code,
      `${spec.name} cannot run on ${host}: ${blocking.map(({ message }) => message).join('; ')}`,
      {
        hint: first.hint ?? 'see "vnet vm check"',
        details: found,
      },
    );
  }

  async #run(record: VmRecord, vms: VmHost): Promise<void> {
    const { records, placing, onReport, onChange } = this.#options;
    const { spec, host } = record;
    try {
      onReport(host, await vms.start(spec));
    } catch (thrown) {
      const error = VnetError.from(thrown);
      // A start that failed halfway may have left it running: only the host's own word frees others to start it.
      const isGone = !LOST.has(error.code) && (await this.#isNotOn(vms, spec.name));
      if (isGone) {
        leave(record, host);
        record.state = 'failed';
        record.reason = error.message;
        await records.save();
        await placing.rest(spec.name);
        onChange(record);
      }
      throw new VnetError(error.code, `host ${host}: ${error.message}`, { ...error.toBody(), cause: error });
    }
  }

  async #isNotOn(vms: VmHost, name: string): Promise<boolean> {
    const reports = await vms.reports().catch(() => undefined);
    const report = reports?.find(({ vm }) => vm === name);
    return reports !== undefined && (!report || report.state === 'stopped' || report.state === 'failed');
  }

  #reach(host: string): VmHost {
    const vms = this.#options.hosts.of(host);
    if (vms) return vms;
    throw new VnetError('VNET_ERR_UNREACHABLE', `host ${host} is away`, {
      hint: 'start its daemon, or name another host',
    });
  }

  async #alone<T>(name: string, act: () => Promise<T>): Promise<T> {
    if (this.#options.isMoving(name)) {
      throw new VnetError('VNET_ERR_CONFLICT', `${name} is moving`, {
        hint: `wait, or "vnet vm cancel ${name}" first`,
      });
    }
    if (this.#busy.has(name)) {
      throw new VnetError('VNET_ERR_CONFLICT', `${name} is being started or stopped`, {
        hint: 'wait for it',
      });
    }
    this.#busy.add(name);
    try {
      return await act();
    } finally {
      this.#busy.delete(name);
    }
  }
}

const LOST = new Set(['VNET_ERR_UNREACHABLE', 'VNET_ERR_CLOSED', 'VNET_ERR_TIMEOUT']);

/** The host has said that it does not run it, or a person did. */
export function leave(record: VmRecord, host: string): void {
  record.mayRunOn = record.mayRunOn.filter((other) => other !== host);
}

export function noHost(host: string): VnetError {
  return new VnetError('VNET_ERR_NOT_FOUND', `no host is called ${host}`, {
    hint: 'see the hosts with "vnet status"',
  });
}

function unreachable(name: string, away: readonly string[], what: string): VnetError {
  const hosts = away.join(' and ');
  return new VnetError('VNET_ERR_UNREACHABLE', `${name} may run on ${hosts}, which cannot be asked`, {
    hint: `bring ${hosts} back; or, if it surely does not run there, ${what} with --fence ${away.join(',')}`,
  });
}
