/** How often VTTIF names a known application rightly, from silence, through the whole pipeline. */
import { type PatternKind, seededRandom } from '../../core/index.js';
import type { Figure } from '../figure.js';
import { flowsOf, isNamed, PATTERN_KINDS, randomWorkload, run } from './traffic-workloads.js';

const RUNS_PER_KIND = 30;
const RUN_MS = 2400;
const CLEAN_BAR = 1;
const NOISY_BAR = 0.95;

export async function trafficAccuracyFigures(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const noisy of [false, true]) {
    const shares = PATTERN_KINDS.map((kind) => rightShare(kind, noisy));
    const overall = shares.reduce((sum, share) => sum + share, 0) / shares.length;
    const bar = noisy ? NOISY_BAR : CLEAN_BAR;
    const title = noisy ? 'with ARP, DHCP, ssh, monitoring and a backup' : 'clean';
    figures.push({
      name: `shapes named rightly, ${title}`,
      unit: '%',
      samples: [overall * 100],
      beside: `${RUNS_PER_KIND} runs each of ${PATTERN_KINDS.length} shapes, bar ${bar * 100} %`,
      met: overall >= bar,
    });
    for (const [i, kind] of PATTERN_KINDS.entries()) {
      figures.push({ name: `  ${kind}`, unit: '%', samples: [(shares[i] ?? 0) * 100], beside: title });
    }
  }
  return figures;
}

function rightShare(kind: PatternKind, noisy: boolean): number {
  let right = 0;
  for (let seed = 1; seed <= RUNS_PER_KIND; seed++) {
    const random = seededRandom(seed * 1000 + PATTERN_KINDS.indexOf(kind));
    const workload = randomWorkload(kind, random);
    const { view } = run([{ flows: flowsOf(workload, random, noisy), ms: RUN_MS }], seed);
    if (view.state === 'settled' && isNamed(view, workload)) right++;
  }
  return right / RUNS_PER_KIND;
}
