/** What a host says of its machine and its VMs, looked at before anybody works with it: it came over a network. */
import {
  type HostMachine,
  type MoveTransfer,
  VM_DRIVERS,
  type VmDriverKind,
  type VmReport,
} from '../../core/index.js';

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/;
/** A kind and a name, as statements have it. */
const PORT = /^[a-z][a-z-]*:[^\s]{1,119}$/;
export const TEXT_MAX = 500;
const STATES = ['stopped', 'starting', 'running', 'paused', 'receiving', 'failed'];
const TEXTS = ['port', 'move', 'reason', 'console'] as const;
const AMOUNTS = ['heldFrames', 'lostFrames'] as const;
const TRANSFER = [
  'transferredBytes',
  'remainingBytes',
  'totalBytes',
  'bitsPerSecond',
  'dirtyBytesPerSecond',
  'rounds',
] as const;

/** The report with what is known of reports and nothing else; undefined where a part of it cannot be true. */
export function soundVmReport(body: unknown): VmReport | undefined {
  if (!isRecord(body)) return undefined;
  const { vm, state, progress } = body;
  if (typeof vm !== 'string' || !NAME.test(vm) || !STATES.includes(String(state))) return undefined;
  const report = { vm, state } as VmReport;
  for (const name of TEXTS) {
    const text = body[name];
    if (text === undefined) continue;
    if (typeof text !== 'string' || text.length > TEXT_MAX) return undefined;
    if (name === 'port' && !PORT.test(text)) return undefined;
    report[name] = text;
  }
  for (const name of AMOUNTS) {
    const amount = body[name];
    if (amount === undefined) continue;
    if (!isAmount(amount)) return undefined;
    report[name] = amount;
  }
  if (progress === undefined) return report;
  const transfer = soundTransfer(progress);
  return transfer && { ...report, progress: transfer };
}

/** Of a driver, or of a host. */
export function soundTransfer(body: unknown): MoveTransfer | undefined {
  if (!isRecord(body) || typeof body['postCopy'] !== 'boolean') return undefined;
  if (!TRANSFER.every((name) => isAmount(body[name]))) return undefined;
  const amounts = Object.fromEntries(TRANSFER.map((name) => [name, body[name]]));
  return { ...amounts, postCopy: body['postCopy'] } as MoveTransfer;
}

/** Undefined: it makes no sense, and nothing is known of the machine. */
export function soundMachine(body: unknown): HostMachine | undefined {
  if (!isRecord(body)) return undefined;
  const { memoryBytes, freeMemoryBytes, cpus, cpuModel, drivers } = body;
  if (!isAmount(memoryBytes) || !isAmount(freeMemoryBytes) || !isAmount(cpus)) return undefined;
  if (typeof cpuModel !== 'string' || cpuModel.length > TEXT_MAX || !isRecord(drivers)) return undefined;
  const known: HostMachine['drivers'] = {};
  for (const [kind, answer] of Object.entries(drivers)) {
    if (!(VM_DRIVERS as readonly string[]).includes(kind)) continue;
    if (answer !== true && typeof answer !== 'string') return undefined;
    known[kind as VmDriverKind] = answer === true || answer.slice(0, TEXT_MAX);
  }
  return { memoryBytes, freeMemoryBytes, cpus, cpuModel, drivers: known };
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
