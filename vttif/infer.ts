/** One network's topology, from the demands of its VMs: prune, split into applications, name (Virtuoso 4.1). */
import { type Application, applicationsOf } from './applications.js';
import type { Naming } from './naming.js';
import { type Cut, cuts } from './prune.js';
import type { VmDemands } from './vm-pairs.js';

export interface InferredApplication extends Application {
  confidence: number;
}

export interface Inference {
  applications: InferredApplication[];
  /** Numbers of the pairs that are kept, ascending: what the topology is. */
  pairs: Uint32Array;
  /** Those of them that talk now: the others may be what is left of an older topology. */
  talking: Uint32Array;
  /** False while the window slides over a change: a pair talks clearly less or more than its mean. */
  steady: boolean;
  /** Pairs with traffic in the window. */
  seen: number;
  /** Bits a second. */
  busiest: number;
}

export const NO_INFERENCE: Inference = {
  applications: [],
  pairs: new Uint32Array(0),
  talking: new Uint32Array(0),
  steady: true,
  seen: 0,
  busiest: 0,
};

/** What is declared, by pair number: 1 where it is. */
export type Declared = Uint8Array;

/** A pair of the declared topology stays until it is below this share of the cut: no flapping at the threshold. */
const HYSTERESIS = 0.7;
/** A pair talks now when the last part of the window has this share of its rate. */
const TALKING = 0.25;
/** Frames to be expected in the last part of the window for their absence to mean something. */
const TELLING_FRAMES = 4;
/** With more than this factor it has only begun. */
const BEGINNING = 1.6;
/** An alternative must be better than the paper's cut by this factor. */
const BETTER_BY = 1.1;
/** What a cut without any gap is worth, beside one with a clear gap. */
const CLARITY_BASE = 0.2;
/** Louder than the loudest pruned pair by this factor: no doubt. */
const CLEAR_RATIO = 10;
/** Alternatives are not tried on more kept pairs. */
const ALTERNATIVE_ROWS_MAX = 20_000;

export function infer(
  demands: VmDemands,
  threshold: number,
  naming: Naming,
  declared: Declared = new Uint8Array(0),
): Inference {
  const applications = explain(demands, threshold, naming, declared);
  const isKept = new Uint8Array(demands.rows);
  for (const { part } of applications) for (const row of part.rows) isKept[row] = 1;
  return {
    applications: withConfidence(demands, applications, isKept),
    ...movement(demands, isKept, declared),
    seen: demands.rows,
    busiest: maximum(demands.rate),
  };
}

/**
 * How the kept pairs talk now, beside their mean over the window. Of few frames nothing can be told either way; but where
 * a declared pair has sent none of late, they may be the last that the window holds of it.
 */
function movement(
  { rows, pair, rate, recent, frames, recentShare }: VmDemands,
  isKept: Uint8Array,
  declared: Declared,
): Pick<Inference, 'pairs' | 'talking' | 'steady'> {
  const [pairs, talking] = [new Uint32Array(rows), new Uint32Array(rows)];
  let [kept, talk, moves] = [0, 0, false];
  for (let row = 0; row < rows; row++) {
    if (isKept[row] !== 1) continue;
    pairs[kept++] = pair[row] ?? 0;
    const isSparse = (frames[row] ?? 0) * recentShare < TELLING_FRAMES;
    const swing = isSparse ? 1 : (recent[row] ?? 0) / (rate[row] ?? 1);
    if (swing >= TALKING) talking[talk++] = pair[row] ?? 0;
    if (swing > BEGINNING) moves = true;
    if (isSparse && !(recent[row] ?? 0) && declared[pair[row] ?? 0] === 1) moves = true;
  }
  return { pairs: pairs.slice(0, kept), talking: talking.slice(0, talk), steady: talk === kept && !moves };
}

/** The paper's cut, unless another one names clearly more. */
function explain(demands: VmDemands, threshold: number, naming: Naming, declared: Declared): Application[] {
  let best: { applications: Application[]; quality: number } | undefined;
  const tried = new Set<string>();
  for (const cut of cuts(demands.rate, threshold, vmsAbove(demands, threshold))) {
    const { apart, rows, clarity } = keptBy(demands, cut, declared);
    if (best && rows.length > ALTERNATIVE_ROWS_MAX) continue;
    // Cuts are nested: those that keep as many keep the same.
    const key = `${apart.length} ${rows.length}`;
    if (tried.has(key)) continue;
    tried.add(key);
    const applications = [
      ...applicationsOf(demands, rows, naming),
      ...(apart.length > 0 ? applicationsOf(demands, apart, naming) : []),
    ];
    const quality = qualityOf(demands, applications, declared) * (CLARITY_BASE + clarity);
    if (!best || quality > best.quality * BETTER_BY) best = { applications, quality };
  }
  return best?.applications ?? [];
}

/** VMs of pairs that are not background for certain. */
function vmsAbove({ a, b, rate, rows }: VmDemands, threshold: number): number {
  const lowest = maximum(rate) * threshold ** 2;
  const talks = new Uint8Array(1 + Math.max(maximum(a), maximum(b)));
  for (let row = 0; row < rows; row++) {
    if ((rate[row] ?? 0) >= lowest) talks[a[row] ?? 0] = talks[b[row] ?? 0] = 1;
  }
  return talks.reduce((sum, vm) => sum + vm, 0);
}

function keptBy({ rate, pair, rows }: VmDemands, { ceiling, floor }: Cut, declared: Declared) {
  const [apart, kept] = [[] as number[], [] as number[]];
  let [quietest, loudest] = [Number.POSITIVE_INFINITY, 0];
  for (let row = 0; row < rows; row++) {
    const value = rate[row] ?? 0;
    if (value > ceiling) apart.push(row);
    else if (value >= floor || (value >= floor * HYSTERESIS && declared[pair[row] ?? 0] === 1)) {
      kept.push(row);
      quietest = Math.min(quietest, value);
    } else loudest = Math.max(loudest, value);
  }
  return { apart, rows: kept, clarity: clarityOf(quietest, loudest) };
}

/** From 0, the loudest pruned pair is as loud, to 1, it is ten times quieter or there is none. */
function clarityOf(quietestKept: number, loudestPruned: number): number {
  if (loudestPruned === 0) return 1;
  return Math.min(1, Math.max(0, Math.log(quietestKept / loudestPruned) / Math.log(CLEAR_RATIO)));
}

/**
 * How many pairs of VMs a name brings together: a whole shape is worth more than its fragments. What was declared counts
 * for what of it is still there, name or no name: while one topology gives way to another, the cut does not jump.
 */
function qualityOf({ pair }: VmDemands, applications: Application[], declared: Declared): number {
  let [named, all, known] = [0, 0, 0];
  for (const { part, patterns } of applications) {
    for (const row of part.rows) if (declared[pair[row] ?? 0] === 1) known++;
    const together = (part.vms.length * (part.vms.length - 1)) / 2;
    all += together;
    if (patterns.length > 0) named += together;
  }
  const size = declared.reduce((sum, mark) => sum + mark, 0);
  return named + (size > 0 ? (all * known) / size : 0);
}

/**
 * Confidence = how far the quietest kept pair is above the loudest pruned one at the same VMs, on a logarithmic scale (as
 * loud: 0; ten times as loud, or nothing pruned: 1), times the share of pairs that needed no repair.
 */
function withConfidence(
  demands: VmDemands,
  applications: Application[],
  isKept: Uint8Array,
): InferredApplication[] {
  const loudest = new Float64Array(1 + Math.max(maximum(demands.a), maximum(demands.b)));
  for (let row = 0; row < demands.rows; row++) {
    if (isKept[row] === 1) continue;
    const rate = demands.rate[row] ?? 0;
    const [a, b] = [demands.a[row] ?? 0, demands.b[row] ?? 0];
    if (rate > (loudest[a] ?? 0)) loudest[a] = rate;
    if (rate > (loudest[b] ?? 0)) loudest[b] = rate;
  }
  return applications.map((application) => {
    const { part, dropped } = application;
    const pruned = part.vms.reduce((most, vm) => Math.max(most, loudest[vm] ?? 0), 0);
    const quietest = part.rates.reduce((least, rate) => Math.min(least, rate), Number.POSITIVE_INFINITY);
    const sound = part.rows.length / (part.rows.length + dropped.length);
    return { ...application, confidence: clarityOf(quietest, pruned) * sound };
  });
}

function maximum(values: Float64Array | Uint32Array): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) if ((values[i] ?? 0) > most) most = values[i] ?? 0;
  return most;
}
