/** Two hosts' QEMU drivers in one process, guests that both can boot, and a voice at their NICs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MacAddress, QemuMachine, VmEvents, VmSpec } from '../../core/index.js';
import {
  GUEST_MEMORY_BYTES,
  GUEST_UP,
  guestCache,
  type GuestIdentity,
  makeGuest,
  savedGuest,
} from '../../lab/index.js';
import { QemuDriver, type QemuDriverOptions } from '../../vm/index.js';

export const GUEST_IP = '10.9.0.1';
export const LOOPBACK = '127.0.0.1';
const WAIT_MS = 60_000;

/** What a driver said of a VM, in order. */
export class Journal implements VmEvents {
  readonly said: string[] = [];
  paused = () => void this.said.push('paused');
  running = () => void this.said.push('running');
  ended = (reason: string, expected: boolean) => void this.said.push(`ended ${expected}: ${reason}`);
}

export class Bed {
  // Short: sockets are below.
  readonly directory = mkdtempSync(join(tmpdir(), 'vq-'));
  #pids = new Set<number>();

  driver(host: string, options: Partial<QemuDriverOptions> = {}): QemuDriver {
    return new QemuDriver({ directory: join(this.directory, host), address: LOOPBACK, ...options });
  }

  spec(name: string, identity: Partial<GuestIdentity> = {}): VmSpec {
    const guest = makeGuest(join(this.directory, 'initrd'), { ip: `${GUEST_IP}/24`, ...identity });
    return {
      ...{ name, network: 'lab', mtu: 1500, macs: ['02:00:00:00:00:01' as MacAddress] },
      ...{ memoryBytes: GUEST_MEMORY_BYTES, cpus: 1, machine: { driver: 'qemu', ...guest } },
    };
  }

  /** Begins where the guest has just come up, instead of booting: its state is made once, for all runs. */
  async saved(name: string, identity: Partial<GuestIdentity> = {}): Promise<VmSpec> {
    const spec = this.spec(name, identity);
    const state = await savedGuest(join(guestCache(), 'states'), spec);
    return { ...spec, machine: { ...(spec.machine as QemuMachine), state } };
  }

  /** Ended with the test, whatever becomes of it. */
  guard(vm: { instance: { pid: number } }): number {
    this.#pids.add(vm.instance.pid);
    return vm.instance.pid;
  }

  close(): void {
    for (const pid of this.#pids) kill(pid);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

/** Waits until the guest's console says something; types something first, if given. */
export async function onConsole(path: string, text: string | RegExp = GUEST_UP, typed = ''): Promise<string> {
  const socket = connect(path);
  try {
    let heard = '';
    return await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the console said only: ${heard}`)), WAIT_MS);
      socket.on('error', reject);
      socket.on('data', (chunk) => {
        heard += chunk.toString();
        if (!(typeof text === 'string' ? heard.includes(text) : text.test(heard))) return;
        clearTimeout(timer);
        resolve(heard);
      });
      if (typed !== '') socket.write(`${typed}\n`);
    });
  } finally {
    socket.destroy();
  }
}

/** True once the guest answers an ARP request at its NIC's socket (`-netdev stream`: length, frame). */
export async function answersAt(port: string, timeoutMs = 5_000): Promise<boolean> {
  const socket = connect(port.replace(/^unix-connect:/, ''));
  const asking = setInterval(() => socket.write(arpRequest()), 200);
  try {
    return await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), timeoutMs);
      const end = (answer: boolean) => {
        clearTimeout(timer);
        resolve(answer);
      };
      socket.on('error', () => end(false));
      onFrames(socket, (frame) => {
        if (frame.readUInt16BE(12) === ARP && frame.readUInt16BE(20) === ARP_REPLY) end(true);
      });
      socket.write(arpRequest());
    });
  } finally {
    clearInterval(asking);
    socket.destroy();
  }
}

const ARP = 0x0806;
const ARP_REPLY = 2;
const LENGTH_BYTES = 4;

function onFrames(socket: Socket, take: (frame: Buffer) => void): void {
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= LENGTH_BYTES && rest.length >= LENGTH_BYTES + rest.readUInt32BE()) {
      const end = LENGTH_BYTES + rest.readUInt32BE();
      take(rest.subarray(LENGTH_BYTES, end));
      rest = rest.subarray(end);
    }
  });
}

function arpRequest(): Buffer {
  const [asker, nobody] = ['020000000099', '000000000000'];
  const address = (ip: string) => Buffer.from(ip.split('.').map(Number)).toString('hex');
  const arp = `0001080006040001${asker}${address('10.9.0.99')}${nobody}${address(GUEST_IP)}`;
  const frame = Buffer.from(`ffffffffffff${asker}0806${arp}`.padEnd(120, '0'), 'hex');
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(frame.length);
  return Buffer.concat([length, frame]);
}
