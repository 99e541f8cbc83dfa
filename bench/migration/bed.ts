/** What a bed of the bench offers: a VM `w` that moves between the hosts `a` and `b`, and a client `p` beside them. */
import { connect } from 'node:net';
import { join } from 'node:path';
import { readFileSync, writeFileSync } from 'node:fs';
import {
  archiveOf,
  emptySpec,
  GUEST_BOOT_MS,
  GUEST_MEMORY_BYTES,
  type Lab,
  type LabSpec,
  makeGuest,
  PROGRAM_MODE,
} from '../../lab/index.js';
import type { MacAddress, QemuMachine } from '../../core/index.js';
import { type Seen, Watch } from './meter.js';

export const VM = 'w';
export const VM_IP = '10.9.0.10';
export const VM_MAC = '02:00:00:00:00:0a' as MacAddress;
const READY_MS = 10_000;
const TYPED_AGAIN_MS = 1_000;

export type Kind = 'light VM' | 'QEMU guest';

export interface Move {
  totalMs: number;
  /** By the hypervisor's own events: stopped at the source, running at the destination. */
  stoppedMs: number;
  /** As QEMU counts it. */
  qmpMs?: number;
  heldFrames?: number;
  lostFrames?: number;
  /** Of a guest, where it is now. */
  console?: string;
}

export interface Bed {
  readonly lab: Lab;
  /** Starts `w` on `a`. */
  start(machine: QemuMachine | undefined): Promise<{ console?: string }>;
  move(host: string): Promise<Move>;
  close(): Promise<void>;
}

export interface Measured extends Move, Seen {}

/** `light`: light VMs that move, `w` and perhaps more; a QEMU guest is no part of the lab. */
export function bedSpec(light: readonly string[]): LabSpec {
  const lab = emptySpec();
  lab.hosts.push({ name: 'home' }, { name: 'a' }, { name: 'b' });
  lab.vms.push(
    { name: 'p', host: 'home', mac: '02:00:00:00:00:0b', ips: ['10.9.0.11/24'] },
    { name: 'q', host: 'home', mac: '02:00:00:00:00:0c', ips: ['10.9.0.12/24'] },
    { name: 'r', host: 'a', mac: '02:00:00:00:00:0d', ips: ['10.9.0.13/24'] },
    { name: 's', host: 'b', mac: '02:00:00:00:00:0e', ips: ['10.9.0.14/24'] },
  );
  for (const [i, name] of light.entries()) {
    const mac = i === 0 ? VM_MAC : `02:00:00:00:01:${i.toString(16).padStart(2, '0')}`;
    lab.vms.push({ name, host: 'a', mac, ips: [`10.9.0.${10 + i * 20}/24`] });
  }
  return lab;
}

/** The meter in the VM, and its other end in the client. */
export async function withMeter(
  bed: Bed,
  kind: Kind,
  meter: string,
  console: string | undefined,
): Promise<Watch> {
  const watch = new Watch(bed.lab.vm('p'), meter, VM_IP);
  if (kind === 'light VM') bed.lab.vm(VM).spawn([meter, 'serve'], { stdio: 'ignore' });
  const typing = console === undefined ? undefined : keepTyping(console, 'meter serve &');
  try {
    await watch.ready(kind === 'light VM' ? READY_MS : GUEST_BOOT_MS);
  } finally {
    typing?.();
  }
  return watch;
}

/** A guest that boots does not listen yet; a second meter finds its port taken and ends. */
function keepTyping(path: string, line: string): () => void {
  const type = () => typeOnce(path, line);
  const timer = setInterval(type, TYPED_AGAIN_MS);
  return () => clearInterval(timer);
}

export function typeOnce(path: string, line: string): void {
  const socket = connect(path, () => socket.end(`${line}\n`));
  socket.on('error', () => {}).on('data', () => {}); // typed again
}

/** The lab's guest with the meter in its first file system. */
export function meteredGuest(directory: string, meter: string): QemuMachine {
  const guest = makeGuest(join(directory, 'plain-initrd'), { ip: `${VM_IP}/24` });
  const initrd = join(directory, 'initrd');
  // A second archive behind the first adds to it.
  const addition = archiveOf([{ path: 'bin/meter', mode: PROGRAM_MODE, body: readFileSync(meter) }]);
  writeFileSync(initrd, Buffer.concat([readFileSync(guest.initrd), addition]));
  return { driver: 'qemu', ...guest, initrd };
}

export const MEMORY_BYTES = GUEST_MEMORY_BYTES;
