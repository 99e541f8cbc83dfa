/** Hosts in namespaces on one switch, each with a driver; light VMs; and a client that keeps a TCP stream open. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ErrorBody, VnetError } from '../../../core/index.js';
import type { Call } from './host.js';

const HOST_PROGRAM = fileURLToPath(new URL('./host.js', import.meta.url));
const BRIDGE = 'br0';

export const ip = (line: string): string =>
  execFileSync('ip', line.split(' '), { stdio: 'pipe', encoding: 'utf8' });

/** False, or why the tests cannot be done here. */
export function noNamespaces(): false | string {
  const name = `vt${process.pid}try`;
  try {
    ip(`netns add ${name}`);
    ip(`netns del ${name}`);
    return false;
  } catch {
    return 'needs network namespaces';
  }
}

export class TestHost {
  readonly events: { event: string; vm?: string; reason?: string; at: number }[] = [];
  readonly #child: ChildProcess;
  readonly #calls = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #next = 0;

  constructor(namespace: string, folder: string) {
    const command = ['netns', 'exec', namespace, process.execPath, HOST_PROGRAM, folder, BRIDGE];
    this.#child = spawn('ip', command, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.#child.on('message', (message: Record<string, unknown>) => this.#take(message));
    this.#child.on('exit', () => {
      for (const { reject } of this.#calls.values())
        reject(new VnetError('VNET_ERR_UNREACHABLE', 'the host died'));
    });
  }

  #take(message: Record<string, unknown>): void {
    if (typeof message['event'] === 'string') {
      this.events.push({ ...(message as { event: string }), at: performance.now() });
      return;
    }
    const call = this.#calls.get(message['id'] as number);
    this.#calls.delete(message['id'] as number);
    if (message['error']) call?.reject(VnetError.fromBody(message['error'] as ErrorBody));
    else call?.resolve(message['value']);
  }

  call<T = unknown>(request: Call): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#calls.set(this.#next, { resolve: resolve as (value: unknown) => void, reject });
      this.#child.send({ id: this.#next++, request });
    });
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return Promise.resolve();
    return new Promise((resolve) => {
      this.#child.once('exit', () => resolve());
      this.#child.kill(signal);
    });
  }
}

export class Bed {
  readonly folder = mkdtempSync(join(tmpdir(), 'vnet-netns-'));
  readonly #prefix = `vt${process.pid}`;
  readonly #namespaces: string[] = [];
  readonly #children: ChildProcess[] = [];
  readonly #hosts: TestHost[] = [];

  constructor() {
    const core = this.add('core');
    // Without learning: a switch that remembers would hide that the VM has moved.
    ip(`-n ${core} link add ${BRIDGE} type bridge ageing_time 0 mcast_snooping 0`);
    ip(`-n ${core} link set ${BRIDGE} up`);
  }

  add(name: string): string {
    const namespace = `${this.#prefix}${name}`;
    ip(`netns add ${namespace}`);
    this.#namespaces.push(namespace);
    return namespace;
  }

  remove(namespace: string): void {
    ip(`netns del ${namespace}`);
    this.#namespaces.splice(this.#namespaces.indexOf(namespace), 1);
  }

  /** A namespace joined to the switch, by `wan0` inside. */
  #joined(name: string): string {
    const namespace = this.add(name);
    const core = `${this.#prefix}core`;
    ip(`-n ${core} link add p${name} type veth peer name wan0 netns ${namespace}`);
    ip(`-n ${core} link set p${name} master ${BRIDGE} up`);
    ip(`-n ${namespace} link set wan0 up`);
    return namespace;
  }

  host(name: string): { host: TestHost; namespace: string } {
    const namespace = this.#joined(name);
    ip(`-n ${namespace} link add ${BRIDGE} type bridge ageing_time 0 mcast_snooping 0`);
    ip(`-n ${namespace} link set wan0 master ${BRIDGE}`);
    ip(`-n ${namespace} link set ${BRIDGE} up`);
    const host = new TestHost(namespace, this.folder);
    this.#hosts.push(host);
    return { host, namespace };
  }

  client(name: string, address: string): string {
    const namespace = this.#joined(name);
    ip(`-n ${namespace} addr add ${address} dev wan0`);
    return namespace;
  }

  /** A program in a namespace; gone with the bed. */
  run(namespace: string, script: string, ...args: string[]): ChildProcess {
    const command = ['netns', 'exec', namespace, process.execPath, '-e', script, ...args];
    const child = spawn('ip', command, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#children.push(child);
    return child;
  }

  async close(): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host.kill()));
    for (const child of this.#children) child.kill('SIGKILL');
    for (const namespace of this.#namespaces) ip(`netns del ${namespace}`);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export const ECHO = `require('node:net').createServer((s) => s.setNoDelay().pipe(s)).listen(7, () => console.log('ready'))`;

/** Sends numbered lines all the time and says how many came back in order; ends the stream at SIGTERM. */
export const STREAM = `
const socket = require('node:net').connect(7, process.argv[1]).setNoDelay();
let sent = 0, back = 0, rest = '';
socket.on('connect', () => { console.log('open'); setInterval(() => socket.write(sent++ + '\\n'), 2); });
socket.on('data', (data) => {
  const lines = (rest + data).split('\\n'); rest = lines.pop();
  for (const line of lines) if (Number(line) === back) back++; else { console.log('wrong ' + line); process.exit(1); }
});
socket.on('error', (error) => { console.log('broken ' + error.message); process.exit(1); });
socket.on('close', () => { console.log('closed'); process.exit(1); });
setInterval(() => console.log('back ' + back), 20);`;
