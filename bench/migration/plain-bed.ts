/** The VM on a plain kernel bridge: the same drivers, hosts and wires, without the overlay. */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_MTU, type QemuMachine, VM_CPUS, type VmSpec, type VmTicket } from '../../core/index.js';
import { type Lab, machineOf, makeLab } from '../../lab/index.js';
import { type Bed, bedSpec, MEMORY_BYTES, type Move, VM, VM_MAC } from './bed.js';
import { BRIDGE, type Call, PLAIN_HOST_PROGRAM, type Said } from './plain-host.js';

const SETTLE_TIMEOUT_MS = 5_000;
const POLL_MS = 5;

/** One of the two hosts. */
class PlainHost {
  readonly #child: ChildProcess;
  readonly #calls = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  readonly said: Said[] = [];
  #next = 0;

  constructor(lab: Lab, name: string, folder: string) {
    const host = lab.host(name);
    const command = [process.execPath, PLAIN_HOST_PROGRAM, folder, host.address];
    this.#child = host.spawn(command, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.#child.on('message', (message: Said) => this.#take(message));
  }

  call<T = unknown>(request: Call): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#calls.set(this.#next, { resolve: resolve as (value: unknown) => void, reject });
      this.#child.send({ id: this.#next++, request });
    });
  }

  #take(message: Said): void {
    if (!('id' in message)) return void this.said.push(message);
    const call = this.#calls.get(message.id);
    this.#calls.delete(message.id);
    if (message.error === undefined) call?.resolve(message.value);
    else call?.reject(new Error(message.error));
  }
}

export class PlainBed implements Bed {
  readonly #folder = mkdtempSync(join(tmpdir(), 'vnet-bench-'));
  readonly #hosts = new Map<string, PlainHost>();
  #host = 'a';
  #spec: VmSpec | undefined;

  private constructor(readonly lab: Lab) {}

  static async make(light: readonly string[]): Promise<PlainBed> {
    const bed = new PlainBed(await makeLab(bedSpec(light), { name: `mp${process.pid}` }));
    await bed.#bridge();
    for (const name of ['a', 'b']) bed.#hosts.set(name, new PlainHost(bed.lab, name, bed.#folder));
    return bed;
  }

  async start(machine: QemuMachine | undefined): Promise<{ console?: string }> {
    const light = this.lab.spec.vms.find(({ name }) => name === VM);
    const runs = machine ?? (light && machineOf(this.lab.name, light));
    if (runs === undefined) throw new Error('nothing to run');
    const common = { name: VM, network: 'lab', mtu: DEFAULT_MTU, macs: [VM_MAC], port: `packet:${VM}0` };
    this.#spec = { ...common, memoryBytes: MEMORY_BYTES, cpus: VM_CPUS, machine: runs };
    const console = await this.#at('a').call<string | undefined>({ call: 'start', spec: this.#spec });
    return console === undefined ? {} : { console };
  }

  async move(host: string): Promise<Move> {
    const spec = this.#spec as VmSpec;
    const [source, destination] = [this.#at(this.#host), this.#at(host)];
    for (const each of [source, destination]) each.said.length = 0;
    const startedAt = performance.now();
    const ticket = await destination.call<VmTicket>({ call: 'receive', spec });
    await source.call({ call: 'send', spec, ticket });
    const paused = await this.#heard(source, 'paused');
    const running = await this.#heard(destination, 'running');
    this.#host = host;
    const console = await destination.call<string | undefined>({ call: 'console', spec });
    const qmp = source.said.find((said) => 'event' in said && said.event === 'downtime');
    return {
      totalMs: performance.now() - startedAt,
      stoppedMs: running - paused,
      ...(qmp && 'ms' in qmp ? { qmpMs: qmp.ms } : {}),
      ...(console === undefined ? {} : { console }),
    };
  }

  async close(): Promise<void> {
    if (this.#spec)
      await this.#at(this.#host)
        .call({ call: 'stop', spec: this.#spec })
        .catch(() => {});
    await this.lab.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #at(name: string): PlainHost {
    const host = this.#hosts.get(name);
    if (!host) throw new Error(`no host ${name}`);
    return host;
  }

  async #heard(host: PlainHost, event: 'paused' | 'running'): Promise<number> {
    for (const start = performance.now(); performance.now() - start < SETTLE_TIMEOUT_MS; ) {
      for (const said of host.said)
        if ('event' in said && said.event === event && 'atMs' in said) return said.atMs;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    throw new Error(`the driver never said ${event}`);
  }

  /** A bridge on each host, those of a and b joined to home's, and the VMs that stay in it. */
  async #bridge(): Promise<void> {
    const { lab } = this;
    const ip = async (host: string, ...lines: string[]) => {
      for (const line of lines) {
        const { code, stderr } = await lab.host(host).run(['ip', ...line.split(' ')]);
        if (code !== 0) throw new Error(`ip ${line}: ${stderr}`);
      }
    };
    for (const host of ['home', 'a', 'b'])
      await ip(
        host,
        `link add ${BRIDGE} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
        `link set ${BRIDGE} up`,
      );
    for (const host of ['a', 'b']) {
      await ip('home', `link add x${host} type veth peer name wire0 netns ${lab.host(host).namespace}`);
      await ip('home', `link set x${host} master ${BRIDGE} up`);
      await ip(host, `link set wire0 master ${BRIDGE} up`);
    }
    for (const { name, host } of lab.spec.vms)
      if (name !== VM) await ip(host, `link set ${name}0 master ${BRIDGE}`);
  }
}
