/** What the Proxy asks, looked at before a driver sees it. */
import {
  type MoveOptions,
  VM_DRIVERS,
  type VmDriver,
  VnetError,
  type VmSpec,
  type VmTicket,
} from '../../core/index.js';
import type { Machine } from './machine.js';
import { GRACE_MAX_MS, MOVE_TIMEOUT_MAX_MS } from './time-outs.js';

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/;
const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;
const MOVE_MAX_CHARACTERS = 128;
const PORT = /^[a-z]+(-[a-z]+)*:\S{1,100}$/;
/** Of a ticket as JSON: it passes the Proxy. */
const TICKET_MAX_CHARACTERS = 64 * 1024;

export function checkSpec(spec: VmSpec): void {
  const { name, network, machine, port, memoryBytes, cpus, macs } = (spec ?? {}) as Partial<VmSpec>;
  if (typeof name !== 'string' || !NAME.test(name)) throw invalid(`"${String(name)}" is no name of a VM`);
  // Both become parts of paths; addresses become parts of command lines.
  if (typeof network !== 'string' || !NAME.test(network))
    throw invalid(`VM ${name}: "${String(network)}" is no network`);
  if (!VM_DRIVERS.includes(machine?.driver as never))
    throw invalid(`VM ${name}: there is no driver "${String(machine?.driver)}"`);
  if (port !== undefined && !isPort(port)) throw invalid(`VM ${name}: "${port}" is no port`);
  if (!isPositive(memoryBytes) || !isPositive(cpus))
    throw invalid(`VM ${name}: no memory or no CPUs asked for`);
  if (!Array.isArray(macs) || macs.length === 0) throw invalid(`VM ${name} has no address`);
  if (!macs.every((mac) => MAC.test(String(mac)))) throw invalid(`VM ${name} has an address that is none`);
}

export function checkMove(move: string): void {
  if (typeof move !== 'string' || move === '' || move.length > MOVE_MAX_CHARACTERS)
    throw invalid('a move needs an id');
}

export function checkOptions(options: MoveOptions): void {
  const { bitsPerSecond, downtimeMs, timeoutMs = MOVE_TIMEOUT_MAX_MS } = options ?? {};
  for (const amount of [bitsPerSecond, downtimeMs, timeoutMs])
    if (amount !== undefined && !isPositive(amount)) throw invalid('an option of the move is not above zero');
}

export function checkGrace(options: { graceMs: number }): number {
  const graceMs = options?.graceMs;
  if (typeof graceMs === 'number' && graceMs >= 0 && graceMs <= GRACE_MAX_MS) return graceMs;
  throw invalid(`graceMs is 0 to ${GRACE_MAX_MS}`);
}

/** What the source will be given goes over the wire as it is. */
export function soundTicket(ticket: unknown, driver: VmDriver, vm: string): VmTicket {
  const { driver: kind } = (ticket ?? {}) as { driver?: unknown };
  const length = kind === driver.kind ? JSON.stringify(ticket).length : 0;
  if (length > 0 && length <= TICKET_MAX_CHARACTERS) return ticket as VmTicket;
  throw new VnetError('VNET_ERR_INTERNAL', `the ${driver.kind} driver gave no ticket for VM ${vm}`);
}

export function soundPort(port: unknown, { kind }: VmDriver, vm: string): string {
  if (isPort(port)) return port;
  throw new VnetError('VNET_ERR_INTERNAL', `the ${kind} driver names no port for VM ${vm}`, {
    hint: 'give the VM a port',
  });
}

export function refuse({ name, state, move }: Machine, what: string, why: string): VnetError {
  const during = move === undefined ? '' : ` (move ${move})`;
  return new VnetError('VNET_ERR_REFUSED', `cannot ${what} VM ${name}, ${state} here${during}: ${why}`);
}

const isPort = (port: unknown): port is string => typeof port === 'string' && PORT.test(port);
const isPositive = (amount: unknown): boolean =>
  typeof amount === 'number' && Number.isFinite(amount) && amount > 0;
const invalid = (message: string): VnetError => new VnetError('VNET_ERR_INVALID', message);
