/**
 * Delay, jitter, loss and reordering: netem where the kernel has it, else the emulator. Both sit behind the loops
 * that `plan.ts` leads the impaired pairs through.
 */

import type { ChildProcess } from 'node:child_process';
import { connect } from 'node:net';
import { release } from 'node:os';
import { VnetError } from '../core/index.js';
import { batch, runCommand } from './command.js';
import {
  addressOf,
  families,
  largestMtu,
  loopMac,
  NETEM_LOOP,
  NETEM_TABLE,
  pairClass,
  SPLIT_LOOP,
  WHOLE_LOOP,
} from './layout.js';
import type { PairPlan } from './plan.js';
import type { LabSpec, Path } from './spec.js';
import { startTool } from './tool.js';

/** Next hops on the loops: never an address of anyone, their neighbour entries are fixed. */
export const LOOP_GATEWAY = { 4: '169.254.77.1', 6: 'fe80::77' } as const;

/** Ring of the whole loop: slots that hold a super-frame of 64 KiB and its headers. */
const WHOLE_SLOT_BYTES = 69_632;
const WHOLE_SLOTS = 512;
const SPLIT_SLOTS = 4096;
const SLOT_HEADROOM_BYTES = 256;
const PAGE_BYTES = 4096;
/** From this kernel on a packet socket passes UDP super-frames. */
const UDP_GSO_KERNEL = [6, 2] as const;
const CONTROL_TIMEOUT_MS = 5_000;
/** netem queues packets, not bytes; a minute's delay at 1 Gbit/s is beyond what it is asked for here. */
const NETEM_LIMIT_PACKETS = 200_000;
const NETEM_CLASS_RATE = '100gbit';
const LEAF_HANDLE = 0x8000;

/** Counters of the emulator since it started. */
export interface EmulatorCounters {
  frames: number;
  lost: number;
  reordered: number;
  /** Frames of pairs it was not told of: passed on at once. */
  unknown: number;
  /** Frames dropped for want of memory (256 MiB under way). */
  overflow: number;
  /** Frames that came faster than they were read. */
  ringDrops: number;
  sendErrors: number;
  queued: number;
}

/** True if this kernel takes HTB with a netem leaf; tried on a loop in a namespace that vanishes with the trial. */
export async function hasNetem(): Promise<boolean> {
  const trial = [
    'ip link add nt0 type veth peer name nt1',
    'tc qdisc add dev nt0 root handle 1: htb',
    `tc class add dev nt0 parent 1: classid 1:10 htb rate ${NETEM_CLASS_RATE}`,
    'tc qdisc add dev nt0 parent 1:10 handle 8010: netem limit 100 delay 10ms 1ms loss 1% reorder 1%',
  ];
  return (await runCommand(['unshare', '--net', 'sh', '-ec', trial.join('\n')])).code === 0;
}

/** True if delayed pairs must go as single packets. */
export function splitOnly(kind: 'netem' | 'emulator'): boolean {
  if (kind === 'netem') return true;
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return major < UDP_GSO_KERNEL[0] || (major === UDP_GSO_KERNEL[0] && minor < UDP_GSO_KERNEL[1]);
}

function loopLines(
  spec: LabSpec,
  loop: { out: string; back: string },
  index: number,
  split: boolean,
  via: number,
): string[] {
  const mtu = largestMtu(spec);
  return [
    `link add ${loop.out} mtu ${mtu} address ${loopMac(index)} type veth peer name ${loop.back} mtu ${mtu} address ${loopMac(index + 1)}`,
    `link set ${loop.out} ${split ? 'gso_max_segs 1 ' : ''}addrgenmode none up`,
    `link set ${loop.back} arp off addrgenmode none up`,
    ...families(spec).map(
      (family) =>
        `neigh replace ${LOOP_GATEWAY[family]} lladdr ${loopMac(via)} dev ${loop.out} nud permanent`,
    ),
  ];
}

/**
 * Makes the loops in the core. The emulator returns a frame unchanged to the end it came from, so frames are
 * addressed to that end itself; with netem they are addressed to the other end.
 */
export async function makeLoops(spec: LabSpec, core: string, kind: 'netem' | 'emulator'): Promise<void> {
  if (kind === 'emulator') {
    const whole = loopLines(spec, WHOLE_LOOP, 0, false, 0);
    return batch('ip', core, [...whole, ...loopLines(spec, SPLIT_LOOP, 2, true, 2)]);
  }
  const split = loopLines(spec, SPLIT_LOOP, 2, true, 3);
  await batch('ip', core, [...split, ...loopLines(spec, NETEM_LOOP, 4, false, 5)]);
  for (const family of families(spec)) {
    const onward = [
      `rule add iif ${SPLIT_LOOP.back} lookup ${NETEM_TABLE} pref ${NETEM_TABLE}`,
      `route add default via ${LOOP_GATEWAY[family]} dev ${NETEM_LOOP.out} onlink table ${NETEM_TABLE}`,
    ];
    await batch('ip', core, onward, family);
  }
  await batch('tc', core, [`qdisc add dev ${NETEM_LOOP.out} root handle 1: htb`]);
}

export interface EmulatorStart {
  core: string;
  socket: string;
  log: string;
  spec: LabSpec;
}

/** Starts the emulator in the core and waits until it listens. It outlives this process; the caller records it. */
export async function startEmulator(start: EmulatorStart): Promise<ChildProcess> {
  const slot = Math.ceil((largestMtu(start.spec) + SLOT_HEADROOM_BYTES) / PAGE_BYTES) * PAGE_BYTES;
  const rings = [
    `${WHOLE_LOOP.back}:${WHOLE_SLOT_BYTES}:${WHOLE_SLOTS}`,
    `${SPLIT_LOOP.back}:${slot}:${SPLIT_SLOTS}`,
  ];
  const delay = ['delay', start.socket, String(start.spec.seed ?? 1), ...rings];
  return startTool(start.core, delay, start.log);
}

/** One request to the emulator, one line back. Throws VNET_ERR_UNREACHABLE, VNET_ERR_INVALID. */
export function askEmulator(socketPath: string, lines: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    let answer = '';
    socket.setTimeout(CONTROL_TIMEOUT_MS, () => socket.destroy(new Error('no answer')));
    socket.on('connect', () => socket.write(`${lines.join('\n')}\n\n`));
    socket.on('data', (chunk) => {
      answer += chunk.toString();
    });
    socket.on('error', (cause) => {
      const message = `the lab's emulator does not answer: ${cause.message}`;
      reject(
        new VnetError('VNET_ERR_UNREACHABLE', message, { cause, hint: 'remove the lab and make it again' }),
      );
    });
    socket.on('end', () => {
      socket.destroy();
      if (answer.startsWith('ok') || answer.startsWith('{')) return resolve(answer.trim());
      reject(new VnetError('VNET_ERR_INVALID', `the lab's emulator refused: ${answer.trim()}`));
    });
  });
}

const ppm = (share: number) => Math.round(share * 1e6);
const micros = (ms: number) => Math.round(ms * 1e3);

/** Lines that tell the emulator of pairs, in both families. */
export function emulatorLines(spec: LabSpec, plans: Iterable<PairPlan>): string[] {
  const lines: string[] = [];
  for (const { fromIndex, toIndex, path } of plans) {
    for (const family of families(spec)) {
      const ends = [fromIndex, toIndex].map((index) => addressOf(spec.hosts[index] ?? {}, family));
      const numbers = [micros(path.delayMs), micros(path.jitterMs), ppm(path.loss), ppm(path.reorder)];
      lines.push(`path ${ends.join(' ')} ${numbers.join(' ')}`);
    }
  }
  return lines;
}

function netemOptions(path: Path): string {
  const percent = (share: number) => `${Number((share * 100).toFixed(4))}%`;
  const jitter = path.jitterMs > 0 ? ` ${micros(path.jitterMs)}us` : '';
  const loss = path.loss > 0 ? ` loss ${percent(path.loss)}` : '';
  // netem sends a reordered packet at once, which needs a delay to overtake
  const reorder = path.reorder > 0 && path.delayMs > 0 ? ` reorder ${percent(path.reorder)}` : '';
  return `limit ${NETEM_LIMIT_PACKETS} delay ${micros(path.delayMs)}us${jitter}${loss}${reorder}`;
}

/** Lines for `tc` that give impaired pairs their netem, new or changed. */
export function netemLines(
  spec: LabSpec,
  plans: Iterable<PairPlan>,
  known: (classMinor: number) => boolean,
): string[] {
  const lines: string[] = [];
  const device = NETEM_LOOP.out;
  for (const plan of plans) {
    const minor = pairClass(spec, plan.fromIndex, plan.toIndex);
    const id = minor.toString(16);
    const leaf = `parent 1:${id} handle ${(LEAF_HANDLE + minor).toString(16)}:`;
    if (!known(minor)) {
      lines.push(
        `class add dev ${device} parent 1: classid 1:${id} htb rate ${NETEM_CLASS_RATE} quantum 65536`,
      );
      for (const family of families(spec)) {
        const [protocol, match, bits, offset] =
          family === 4 ? ['ip', 'ip', 32, 0] : ['ipv6', 'ip6', 128, 0x8000];
        const [from, to] = [plan.fromIndex, plan.toIndex].map((at) =>
          addressOf(spec.hosts[at] ?? {}, family),
        );
        lines.push(
          `filter add dev ${device} parent 1: protocol ${protocol} prio ${minor + offset} u32` +
            ` match ${match} src ${from}/${bits} match ${match} dst ${to}/${bits} flowid 1:${id}`,
        );
      }
    }
    lines.push(`qdisc replace dev ${device} ${leaf} netem ${netemOptions(plan.path)}`);
  }
  return lines;
}
