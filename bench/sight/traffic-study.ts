/**
 * The questions of Virtuoso 4.2, answered by measurement: how fast a change of topology is declared, what happens when
 * changes are faster than that, and how much the three parameters matter.
 */
import { seededRandom, type SightParameters } from '../../core/index.js';
import { PERIODS_PER_WINDOW_MIN } from '../../vttif/index.js';
import type { Figure } from '../figure.js';
import {
  type Run,
  flowsOf,
  isNamed,
  makeSight,
  PATTERN_KINDS,
  randomWorkload,
  run,
} from './traffic-workloads.js';

const CHANGES = 20;
const UPDATES_MS = [50, 100, 200, 500];
const WINDOWS_MS = [250, 500, 1000, 2000, 5000];
const THRESHOLDS = [0.02, 0.05, 0.1, 0.2, 0.3];
/** How long a topology lasts, in reaction times. */
const LASTS = [0.3, 0.6, 0.9, 1.2, 2, 4];
const VMS_APART = 200;

export async function trafficStudyFigures(): Promise<Figure[]> {
  return [...reactionTable(), ...thresholdTable(), ...rateTable()];
}

/** Update period and smoothing interval: the time from a change to its declaration. */
function reactionTable(): Figure[] {
  const figures: Figure[] = [];
  for (const updateMs of UPDATES_MS) {
    for (const smoothingMs of WINDOWS_MS) {
      if (smoothingMs < PERIODS_PER_WINDOW_MIN * updateMs) continue;
      const boundMs = smoothingMs + 2 * updateMs;
      const { delaysMs, right } = reactions({ updateMs, smoothingMs });
      figures.push({
        name: `reaction, update ${updateMs} ms, smoothing ${smoothingMs} ms`,
        unit: 'ms',
        samples: delaysMs,
        beside: `${right} of ${CHANGES} right; bar ${boundMs} ms`,
        met: right === CHANGES && Math.max(...delaysMs) <= boundMs,
      });
    }
  }
  return figures;
}

function reactions(parameters: Pick<SightParameters, 'updateMs' | 'smoothingMs'>): {
  delaysMs: number[];
  right: number;
} {
  const lastsMs = 3 * (parameters.smoothingMs + 2 * parameters.updateMs);
  const delaysMs: number[] = [];
  let right = 0;
  for (let seed = 1; seed <= CHANGES; seed++) {
    const random = seededRandom(seed);
    const workloads = [0, 1].map((i) =>
      randomWorkload(PATTERN_KINDS[(seed + 5 * i) % PATTERN_KINDS.length] ?? 'ring', random, VMS_APART * i),
    );
    const changeMs = lastsMs + random() * parameters.updateMs;
    const [before, after] = workloads.map((workload) => flowsOf(workload, random, false));
    const phases = [
      { flows: before ?? [], ms: changeMs },
      { flows: after ?? [], ms: lastsMs },
    ];
    const result = run(phases, seed, parameters);
    const delayMs = declaredAfter(result, changeMs);
    if (delayMs !== undefined && workloads[1] && isNamed(result.view, workloads[1])) {
      right++;
      delaysMs.push(delayMs);
    }
  }
  return { delaysMs, right };
}

/** When what stands at the end was declared. */
function declaredAfter({ declarations, view }: Run, changeMs: number): number | undefined {
  const last = declarations.findLast(({ serial }) => serial === view.serial);
  return last && view.state === 'settled' ? last.atMs - changeMs : undefined;
}

/** Detection threshold: shapes named rightly in noise. */
function thresholdTable(): Figure[] {
  return THRESHOLDS.map((detectionThreshold) => {
    let [right, all] = [0, 0];
    for (const kind of PATTERN_KINDS) {
      for (let seed = 1; seed <= 6; seed++) {
        const random = seededRandom(seed * 77 + all);
        const workload = randomWorkload(kind, random);
        const { view } = run([{ flows: flowsOf(workload, random, true), ms: 2600 }], seed, {
          detectionThreshold,
        });
        all++;
        if (isNamed(view, workload)) right++;
      }
    }
    return {
      name: `shapes named rightly in noise, threshold ${detectionThreshold}`,
      unit: '%',
      samples: [(100 * right) / all],
      beside: `${all} runs`,
    };
  });
}

/** Topologies in turn, each for a share of the reaction time: how often one is declared, once the start is over. */
function rateTable(): Figure[] {
  const { updateMs, smoothingMs } = makeSight().parameters;
  const reactionMs = smoothingMs + 2 * updateMs;
  return LASTS.map((share) => {
    const perMinute: number[] = [];
    const states = new Set<string>();
    for (let seed = 1; seed <= 5; seed++) {
      const random = seededRandom(seed);
      const flows = (['ring', 'star', 'torus'] as const).map((kind) =>
        flowsOf({ ...randomWorkload(kind, random), bitsPerSecond: 1e7 }, random, false),
      );
      const turns = Math.ceil((20 * reactionMs) / (share * reactionMs));
      const phases = Array.from({ length: turns }, (_, i) => ({
        flows: flows[i % flows.length] ?? [],
        ms: share * reactionMs,
      }));
      const { declarations, view } = run(phases, seed);
      const totalMs = turns * share * reactionMs;
      const late = declarations.filter(({ atMs, state }) => atMs > totalMs / 2 && state === 'settled');
      perMinute.push((late.length * 60_000) / (totalMs / 2));
      states.add(view.state);
    }
    return {
      name: `settled topologies a minute, each lasts ${share} of the reaction time`,
      unit: '/min',
      samples: perMinute,
      beside: `${[...states].join(', ')} at the end; they change ${(60_000 / (share * reactionMs)).toFixed(0)} a minute`,
      ...(share < 1 ? { met: Math.max(...perMinute) === 0 } : {}),
    };
  });
}
