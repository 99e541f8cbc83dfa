/** Figures 13 and 14: a BSP application's rate over its compute/communicate ratio, adapted in the four ways. */
import { type Figure, median } from '../figure.js';
import { AdaptBed } from './bed.js';
import { cluster, clusters, OUTSIDE_LOAD } from './bsp-scenarios.js';
import { type Case, type CaseRun, CASES, type CaseTimes, runCase, SETTINGS, timesOf } from './cases.js';
import { caseRow, DECISION_MAX_MS, decisionFigure } from './case-report.js';
import { bspWorkload } from './patterns-workload.js';
import type { Scenario } from './scenario.js';
import type { Study, StudyContext, StudyResult } from './study.js';

const MESSAGE_BYTES = 6000;
/** Floating-point operations for each octet sent: communication rules, neither, computing rules. */
const RATIOS = [20, 200, 1000];
const QUICK_RATIOS = [20];
/** "A factor of two", as the paper says of its applications: of the best of the ratios, as its plots show it. */
const GAIN_MIN = 2;

const PAPER: Record<string, string> = {
  '13': 'paper: low ratios gain by both together, high ones by migration',
  '14': 'paper: low ratios gain by both together, high ones by migration',
};

export const ratioStudy: Study = {
  figure: '13',
  title: 'Figure 13: BSP over two LANs and a WAN, adapted to its compute/communicate ratio',
  runs: { usual: 3, quick: 1 },
  measure: (context) => measure(context, '13', clusters(context.quick)),
};

export const loadStudy: Study = {
  figure: '14',
  title: 'Figure 14: BSP on one LAN, adapted to an outside CPU load on one host',
  runs: { usual: 3, quick: 1 },
  measure: (context) => measure(context, '14', cluster('bsp14', OUTSIDE_LOAD)),
};

interface RatioRun extends CaseRun {
  ratio: number;
  run: number;
}

async function measure(
  { runs, quick, tell }: StudyContext,
  figure: string,
  scenario: Scenario,
): Promise<StudyResult> {
  const [ratios, times] = [quick ? QUICK_RATIOS : RATIOS, timesOf(quick)];
  tell('daemons start, the underlay is measured');
  const bed = await AdaptBed.make(scenario);
  const all: RatioRun[] = [];
  try {
    for (let run = 1; run <= runs; run++) {
      for (const ratio of ratios) {
        for (const which of CASES) {
          const done = await runCase(bed, bspWorkload({ messageBytes: MESSAGE_BYTES, ratio }), which, times);
          all.push({ ...done, ratio, run });
          tell(
            `run ${run}, ratio ${ratio}, ${which}: ${done.before.toFixed(1)} to ${done.after.toFixed(1)}/s`,
          );
        }
      }
    }
  } finally {
    await bed.close();
  }
  return result(figure, { scenario, ratios, times }, all);
}

function result(
  figure: string,
  { scenario, ratios, times }: { scenario: Scenario; ratios: number[]; times: CaseTimes },
  all: RatioRun[],
): StudyResult {
  const rates = (ratio: number, which: Case) =>
    all.filter((run) => run.ratio === ratio && run.case === which).map(({ after }) => after);
  const gain = (ratio: number, which: Case) => median(rates(ratio, which)) / median(rates(ratio, 'nothing'));
  const best = Math.max(...ratios.map((ratio) => gain(ratio, 'both')));
  const rows = ratios.flatMap((ratio) =>
    CASES.map(
      (which): Figure => ({
        name: `${ratio} operations an octet: ${which}`,
        unit: 'supersteps/s',
        samples: rates(ratio, which),
        beside: which === 'nothing' ? '' : `${gain(ratio, which).toFixed(2)} x nothing`,
      }),
    ),
  );
  return {
    figures: [
      ...rows,
      {
        name: 'both together, at the ratio that gains most',
        unit: 'x nothing',
        samples: [best],
        beside: `${PAPER[figure]}; bar ${GAIN_MIN} x`,
        met: best >= GAIN_MIN,
      },
      ...decisionFigure(all),
    ],
    rows: all.map((run) => ({ ratio: run.ratio, run: run.run, ...caseRow(run) })),
    charts: [
      {
        kind: 'lines',
        title:
          figure === '13' ? 'BSP over two LANs and a WAN' : 'BSP on one LAN, one host under outside load',
        subtitle: `${scenario.vms.length} VMs, all-to-all; points: medians, whiskers: all runs`,
        xLabel: 'compute/communicate ratio (floating-point operations an octet sent)',
        yLabel: 'application rate (supersteps/s)',
        ...{ xLog: true, yLog: true },
        series: CASES.map((which) => ({
          name: which,
          points: ratios.map((ratio) => ({ x: ratio, samples: rates(ratio, which) })),
        })),
      },
    ],
    parameters: {
      ...{ scenario, messageBytes: MESSAGE_BYTES, shape: 'all-to-all', ratios },
      ...{ settings: SETTINGS, times, decisionMaxMs: DECISION_MAX_MS },
    },
  };
}
