/**
 * Real daemons on a lab's hosts: what the tests and the benchmarks stand on. People use `vnet up --lab` instead.
 * Each daemon is a process of its own, in its host's namespace, with its state and socket in one directory that
 * `close` removes.
 */
import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  connectControl,
  type ControlClient,
  DEFAULT_PORT,
  type Topology,
  VnetError,
} from '../../core/index.js';
import { type Lab, makeLab } from '../lab.js';
import type { LabSpec } from '../spec.js';
import { topologyOf } from '../topology.js';
import { DAEMON_COMMAND } from './daemon-command.js';

const READY_TIMEOUT_MS = 15_000;
const POLL_MS = 5;
const LOG_TAIL_OCTETS = 2000;

export interface OverlayLabOptions {
  /** Name of the Proxy's host. Default `home`. */
  proxy?: string;
  /** More arguments for every daemon. */
  arguments?: string[];
  name?: string;
}

interface RunningDaemon {
  child: ChildProcess;
  client: ControlClient;
  ended: Promise<void>;
}

export class OverlayLab {
  readonly directory = mkdtempSync(join(tmpdir(), 'vnet-lab-'));
  readonly #daemons = new Map<string, RunningDaemon>();

  private constructor(
    readonly lab: Lab,
    readonly proxy: string,
    readonly options: OverlayLabOptions,
  ) {}

  /** The lab, and a daemon on every host of it, connected to the Proxy. */
  static async make(spec: LabSpec, options: OverlayLabOptions = {}): Promise<OverlayLab> {
    const lab = await makeLab(spec, options.name === undefined ? {} : { name: options.name });
    const overlay = new OverlayLab(lab, options.proxy ?? 'home', options);
    try {
      await overlay.startAll();
      return overlay;
    } catch (thrown) {
      await overlay.close();
      throw thrown;
    }
  }

  async startAll(): Promise<void> {
    await this.start(this.proxy);
    const others = this.lab.hosts.map((host) => host.name).filter((name) => name !== this.proxy);
    await Promise.all(others.map((name) => this.start(name)));
    await this.until('every daemon connected', async () => {
      const { hosts } = await this.client().overview();
      return others.every((name) => hosts.some((host) => host.name === name && host.phase === 'ready'));
    });
  }

  async start(host: string): Promise<void> {
    const stateDir = join(this.directory, host);
    mkdirSync(stateDir, { recursive: true });
    const log = openSync(this.logPath(host), 'a');
    const child = this.lab.host(host).spawn([...DAEMON_COMMAND, ...this.#arguments(host, stateDir)], {
      stdio: ['ignore', 'ignore', log],
    });
    closeSync(log);
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    const client = connectControl(this.socket(host));
    this.#daemons.set(host, { child, client, ended });
    await this.until(`the daemon of ${host}`, async () => {
      if (child.exitCode !== null) {
        throw new VnetError('VNET_ERR_INTERNAL', `the daemon of ${host} ended: ${this.#logTail(host)}`);
      }
      return client.local().then(
        () => true,
        () => false,
      );
    });
  }

  /** Ends a daemon; SIGKILL is the crash of the fault tests. */
  async stop(host: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const daemon = this.#daemons.get(host);
    if (!daemon) return;
    this.#daemons.delete(host);
    daemon.client.close();
    daemon.child.kill(signal);
    await daemon.ended;
  }

  pid(host: string): number {
    const pid = this.#daemons.get(host)?.child.pid;
    if (pid === undefined) throw new VnetError('VNET_ERR_NOT_FOUND', `no daemon runs on ${host}`);
    return pid;
  }

  /** Default: the Proxy's. */
  client(host: string = this.proxy): ControlClient {
    const daemon = this.#daemons.get(host);
    if (!daemon) throw new VnetError('VNET_ERR_NOT_FOUND', `no daemon runs on ${host}`);
    return daemon.client;
  }

  socket(host: string): string {
    return join(this.directory, `${host}.sock`);
  }

  logPath(host: string): string {
    return join(this.directory, `${host}.log`);
  }

  /** Hosts and VMs of the lab as a topology, in one network; `parts` adds to it or replaces lists. */
  topology(parts: Partial<Topology> = {}): Topology {
    return { ...topologyOf(this.lab, this.proxy), ...parts };
  }

  /** Until the Proxy has a live link to every host that runs. */
  whole(): Promise<boolean> {
    return this.until('the star whole', async () => {
      const { links } = await this.client().local();
      const others = [...this.#daemons.keys()].filter((name) => name !== this.proxy);
      return others.every((name) => links.some((link) => link.peer === name && link.up));
    });
  }

  /** Polls; names what was awaited when the time is over. */
  async until<T>(
    what: string,
    check: () => Promise<T>,
    timeoutMs = READY_TIMEOUT_MS,
  ): Promise<NonNullable<T>> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const value = await check();
      if (value) return value as NonNullable<T>;
      if (performance.now() > deadline)
        throw new VnetError('VNET_ERR_TIMEOUT', `waited ${timeoutMs} ms for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async close(): Promise<void> {
    const hosts = [...this.#daemons.keys()].sort(
      (a, b) => Number(a === this.proxy) - Number(b === this.proxy),
    );
    await Promise.all(hosts.map((host) => this.stop(host)));
    await this.lab.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  #arguments(host: string, stateDir: string): string[] {
    const isProxy = host === this.proxy;
    const address = (name: string) => `${bracket(this.lab.host(name).address)}:${DEFAULT_PORT}`;
    return [
      ...['--name', host, '--role', isProxy ? 'proxy' : 'host', '--listen', address(host)],
      ...(isProxy ? [] : ['--proxy', address(this.proxy)]),
      ...['--state', stateDir, '--socket', this.socket(host), '--token-file', join(this.directory, 'token')],
      ...(this.options.arguments ?? []),
    ];
  }

  #logTail(host: string): string {
    return readFileSync(this.logPath(host), 'utf8').slice(-LOG_TAIL_OCTETS).trim();
  }
}

const bracket = (address: string): string => (address.includes(':') ? `[${address}]` : address);
