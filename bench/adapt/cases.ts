/**
 * The paper's four cases (9.3): nothing, topology, migration, both. They are adaptation's own doing: it is told what it
 * may use, and left alone. One run is one start of the application: measured before, adaptation on, measured after.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { AdaptMechanism, AdaptRecord, AdaptSettings } from '../../core/index.js';
import type { AdaptBed } from './bed.js';
import { ProcessorWatch } from './processor-watch.js';
import { reached } from './statistics.js';
import { type Application, rateBetween, type RateSample, type Workload } from './workload.js';

export const CASES = ['nothing', 'topology', 'migration', 'both'] as const;
export type Case = (typeof CASES)[number];

const MECHANISMS: Record<Case, AdaptMechanism[]> = {
  nothing: [],
  topology: ['topology'],
  migration: ['migration'],
  both: ['migration', 'topology'],
};

/** Shorter than the defaults, which are for applications that run for hours. */
export const SETTINGS: Partial<AdaptSettings> = { settleMs: 2000, confirmMs: 500 };

export interface CaseTimes {
  /** From the application's start until it is measured. */
  warmUpMs: number;
  beforeMs: number;
  /** Adaptation has so long for its first change ... */
  firstMs: number;
  /** ... has come to its end when it has looked at what came of its last one, and changed nothing for so long ... */
  quietMs: number;
  /** ... and is given so much time in all. */
  adaptMaxMs: number;
  afterMs: number;
}
const TIMES: CaseTimes = {
  ...{ warmUpMs: 2500, beforeMs: 1500, firstMs: 15_000, quietMs: 8000, adaptMaxMs: 40_000, afterMs: 5000 },
};
const QUICK_TIMES: CaseTimes = {
  ...{ warmUpMs: 1000, beforeMs: 750, firstMs: 8000, quietMs: 2000, adaptMaxMs: 15_000, afterMs: 1500 },
};
export const timesOf = (quick: boolean): CaseTimes => (quick ? QUICK_TIMES : TIMES);

export interface CaseRun {
  case: Case;
  /** Of the workload's unit. */
  before: number;
  after: number;
  /** What adaptation did, oldest first. */
  records: AdaptRecord[];
  /** From the first decision until the application ran half as well as it would in the end. */
  decisionToBenefitMs?: number;
  /** The same from the moment adaptation was switched on. */
  switchToBenefitMs?: number;
  /** VMs that are elsewhere than at the start. */
  moved: number;
  /** Of the machine's processors, while `after` was measured. */
  busyShare: number;
}

const POLL_MS = 200;
/** A benefit must show in so many reports in a row. */
const HOLD = 2;
/** What is less is noise. */
const BENEFIT_MIN = 1.2;

export async function runCase(
  bed: AdaptBed,
  workload: Workload,
  which: Case,
  times: CaseTimes,
): Promise<CaseRun> {
  await bed.reset();
  await bed.startLoad();
  const application = await workload.start(bed);
  try {
    await pause(times.warmUpMs);
    const before = await measured(application, times.beforeMs);
    const switchedMs = Date.now();
    const records = which === 'nothing' ? async () => [] : await adapted(bed, MECHANISMS[which], times);
    const watch = new ProcessorWatch();
    const after = await measured(application, times.afterMs);
    const run = { case: which, before, after, records: await records(), busyShare: watch.share() };
    return { ...run, moved: await movedVms(bed), ...benefit(application.samples, run, switchedMs) };
  } finally {
    await application.stop();
  }
}

async function measured({ samples }: Application, ms: number): Promise<number> {
  const from = Date.now();
  await pause(ms);
  return rateBetween(samples, from, Date.now());
}

/** Resolves when it has come to its end. @returns what it did until it is asked */
async function adapted(
  { client }: AdaptBed,
  mechanisms: AdaptMechanism[],
  times: CaseTimes,
): Promise<() => Promise<AdaptRecord[]>> {
  const known = new Set((await client.adaptation()).history.map(({ id }) => id));
  const news = async () => (await client.adaptation()).history.filter(({ id }) => !known.has(id)).reverse();
  const startedAt = performance.now();
  await client.setAdaptation({ ...SETTINGS, mode: 'auto', mechanisms });
  let [records, seen, changedAt]: [AdaptRecord[], string, number] = [[], '', startedAt];
  while (performance.now() - startedAt < times.adaptMaxMs) {
    await pause(POLL_MS);
    records = await news();
    const [vms, { adapted: made }] = [await client.vms(), await client.adaptation(0)];
    const now = JSON.stringify([textOf(records), made, vms.map(({ host, move }) => [host, move])]);
    if (now !== seen) changedAt = performance.now();
    seen = now;
    // A change is being made, or is still being looked at.
    if (vms.some(({ move }) => move) || records.some(({ outcome }) => outcome === 'applied')) continue;
    if (performance.now() - changedAt >= (records.length === 0 ? times.firstMs : times.quietMs)) break;
  }
  return news;
}

const textOf = (records: readonly AdaptRecord[]): string =>
  records.map(({ id, outcome }) => `${id} ${outcome}`).join();

async function movedVms(bed: AdaptBed): Promise<number> {
  const now = await bed.mapping();
  return bed.scenario.vms.filter(({ name, host }) => now[name] !== host).length;
}

export function benefit(
  samples: readonly RateSample[],
  { before, after, records }: Pick<CaseRun, 'before' | 'after' | 'records'>,
  switchedMs: number,
): Pick<CaseRun, 'decisionToBenefitMs' | 'switchToBenefitMs'> {
  const decidedMs = records[0] && Date.parse(records[0].at);
  if (decidedMs === undefined || !(after > before * BENEFIT_MIN)) return {};
  const later = samples.filter(({ unixMs }) => unixMs > decidedMs);
  const first = reached(later, (before + after) / 2, HOLD);
  if (!first) return {};
  return { decisionToBenefitMs: first.unixMs - decidedMs, switchToBenefitMs: first.unixMs - switchedMs };
}
