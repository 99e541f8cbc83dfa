/** What hosts have for the VMs that are placed, and what these need. */
import type { HostLoad } from '../../core/index.js';
import type { HostNode } from '../model/problem.js';
import { hostsOf } from './edges.js';
import type { Notes } from './notes.js';
import type { Snapshot, SnapshotVm } from './snapshot.js';

/** Reports older than so many of their periods are not believed. Milliseconds. */
export const LOAD_AGE_MAX_MS = 15_000;
/** A VM that says it waits more than this share is taken to wait no more: its demand would be no number. */
const WAIT_MAX = 0.9;

export interface CpuDemand {
  /** CPUs it would use if it had them. */
  demand: number;
  /** CPUs it uses. */
  used: number;
  /** Share of the time that it waits for one. */
  waits: number;
  ageMs: number;
}

/**
 * What a VM would use: it uses u while it can run (1 - w) of the time that it wants to, so u / (1 - w); never more than
 * the CPUs it has. Undefined: its host tells nothing of it.
 */
export function cpuDemand({ vm, cpus, host }: SnapshotVm, { loads }: Snapshot): CpuDemand | undefined {
  const report = loads.get(host);
  const used = report && report.ageMs <= LOAD_AGE_MAX_MS ? report.load.vmCpus[vm] : undefined;
  if (report === undefined || used === undefined || !isCpus(used)) return undefined;
  const told = report.load.vmWaits[vm];
  const waits = told !== undefined && told >= 0 ? Math.min(told, WAIT_MAX) : 0;
  return { demand: demandOf({ cpus }, used, waits), used, waits, ageMs: report.ageMs };
}

/** `waits`: below 1. */
export function demandOf({ cpus }: Pick<SnapshotVm, 'cpus'>, used: number, waits: number): number {
  return Math.min(used / (1 - waits), cpus > 0 ? Math.max(cpus, used) : Infinity);
}

/** `placed`: VMs of the problem; the others take what they take. `queues`: of `contention`. */
export function hostNodes(
  snapshot: Snapshot,
  placed: ReadonlySet<string>,
  queues: ReadonlyMap<string, number>,
  notes: Notes,
): HostNode[] {
  return hostsOf(snapshot).map(({ name, memoryBytes, cpus }) => {
    const here = snapshot.vms.filter(({ host }) => host === name);
    const memory = memoryBytes ?? snapshot.machines?.get(name)?.memoryBytes;
    const others = sum(here.filter(({ vm }) => !placed.has(vm)).map((vm) => vm.memoryBytes));
    const ours = here.filter(({ vm }) => placed.has(vm));
    // What VMs use of a host that others fill, those others take when they leave.
    const theirs = queues.has(name) ? [] : ours;
    const left = cpusLeft(snapshot, name, theirs, cpus, notes);
    return {
      name,
      // What runs there has room, whatever was declared.
      ...(memory !== undefined && {
        memoryBytes: Math.max(memory - others, sum(ours.map((vm) => vm.memoryBytes))),
      }),
      ...(left !== undefined && { cpus: left }),
    };
  });
}

/** What outside load leaves: all, less what is busy and not with our VMs. */
function cpusLeft(
  snapshot: Snapshot,
  host: string,
  placed: readonly SnapshotVm[],
  declared: number | undefined,
  notes: Notes,
): number | undefined {
  const report = snapshot.loads.get(host);
  const load = report?.load;
  if (!report || !load || report.ageMs > LOAD_AGE_MAX_MS || !isSane(load)) {
    notes.add(
      load && !isSane(load)
        ? 'the load of % cannot be, and is not believed'
        : 'the load of % is not known, or too old',
      host,
    );
    return declared ?? snapshot.machines?.get(host)?.cpus;
  }
  const most = Math.min(load.cpus, declared ?? Infinity);
  const ours = sum(placed.map(({ vm }) => sane(load.vmCpus[vm])));
  return Math.max(0, most - Math.max(0, load.busyCpus - ours));
}

/** More than any machine has is an error of measurement. */
const CPUS_MAX = 1e6;

const isCpus = (value: number | undefined): boolean => value !== undefined && value >= 0 && value <= CPUS_MAX;
const sane = (value: number | undefined): number => (isCpus(value) ? (value as number) : 0);

function isSane({ cpus, busyCpus }: HostLoad): boolean {
  return isCpus(cpus) && cpus > 0 && isCpus(busyCpus);
}

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
