/** After a change: what the application gets, against before. Residual bandwidth says nothing here, since elastic traffic fills what was freed. */
import type { Adapted, AdaptRecord } from '../../core/index.js';
import { bits, percent, type Snapshot } from '../planner/index.js';
import type { Delivered, Measured } from './delivered.js';

/** Of the rate before: less of a loss is none. */
export const WORSE = 0.1;
/** Standard errors of the difference that a loss must be beyond, or it is noise. */
const ERRORS = 2;
/** Samples on each side, or nothing is said. */
const SAMPLES_MIN = 2;
/** Of the traffic before that must go on, or it is another application's. */
const SAME_TRAFFIC = 0.5;
/** A gain of this part of what was promised is one. */
const USEFUL = 0.3;

export interface Watch {
  record: AdaptRecord;
  /** What adaptation owned, and owns now. */
  before: Adapted;
  after: Adapted;
  /** `from to` of VMs, of all applications that the change touched. */
  flows: readonly string[];
  rateBefore: (flows: readonly string[]) => Measured;
  /** Measuring begins when what was before has left the smoothing window, and ends here. */
  fromMs: number;
  untilMs: number;
  /** How often it was prolonged, since nothing was said. */
  prolonged: number;
}

/** TCP tries again after 0.2 s, and each time after twice as long: that many times the measuring time. */
export const PROLONGED_MAX = 3;

export interface Judgement {
  kind: 'useful' | 'useless' | 'worse' | 'unknown' | 'silent';
  measuredGain?: number;
  text: string;
}

export function judge(
  { record, flows, rateBefore, fromMs, untilMs }: Watch,
  delivered: Delivered,
  windowMs: number,
): Judgement {
  if (flows.length === 0) return { kind: 'unknown', text: 'no flow was touched' };
  const { silent } = delivered.between((fromMs + untilMs) / 2, untilMs, flows, windowMs);
  // Who is cut off tries again, later and later; who says nothing for long has nothing to say.
  const going = flows.filter((flow) => !silent.has(flow));
  const [all, before] = [rateBefore(flows), rateBefore(going)];
  if (before.mean < SAME_TRAFFIC * all.mean || going.length === 0)
    return { kind: 'silent', text: 'its VMs do something else since, so nothing can be compared' };
  const after = delivered.between(fromMs, untilMs, going, windowMs);
  if (before.samples < 1 || after.samples < SAMPLES_MIN || before.mean === 0)
    return { kind: 'unknown', text: 'too little was measured to compare' };
  const measuredGain = after.mean / before.mean - 1;
  const rates = `${bits(before.mean)} before, ${bits(after.mean)} after`;
  const error = Math.hypot(after.error, before.error);
  if (before.mean - after.mean > Math.max(WORSE * before.mean, ERRORS * error))
    return { kind: 'worse', measuredGain, text: `its flows got ${percent(-measuredGain)} less: ${rates}` };
  const useful = measuredGain >= USEFUL * record.predictedGain;
  return { kind: useful ? 'useful' : 'useless', measuredGain, text: rates };
}

/** Flows of all applications that hold one of the VMs. */
export function flowsAround({ matrix, vms }: Snapshot, touched: ReadonlySet<string>): string[] {
  const names = new Set(vms.map(({ vm }) => vm));
  const pairs = matrix.pairs.filter(({ from, to }) => from !== to && names.has(from) && names.has(to));
  const reached = new Set(touched);
  for (let before = -1; before !== reached.size; ) {
    before = reached.size;
    for (const { from, to } of pairs) {
      if (reached.has(from)) reached.add(to);
      if (reached.has(to)) reached.add(from);
    }
  }
  return [...new Set(pairs.filter(({ from }) => reached.has(from)).map(({ from, to }) => `${from} ${to}`))];
}
