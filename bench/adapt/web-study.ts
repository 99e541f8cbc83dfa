/** Figure 16: the web application with its image server's host under outside load, adapted in the four ways. */
import { missingParts } from '../../lab/index.js';
import { Absent, median } from '../figure.js';
import { AdaptBed, PROXY } from './bed.js';
import { caseRow, decisionFigure } from './case-report.js';
import { type Case, type CaseRun, CASES, type CaseTimes, runCase, SETTINGS, timesOf } from './cases.js';
import type { Scenario } from './scenario.js';
import type { Study, StudyContext, StudyResult } from './study.js';
import { webWorkload } from './web-workload.js';

/** WIPS. */
const PAPER: Record<Case, number> = { nothing: 1.216, topology: 1.76, migration: 1.4, both: 2.52 };
const GAIN_MIN = 2;
const LAN_BPS = 16e6;
const MAN_BPS = 12e6;
/** Of one thread each, on the image server's host. */
const LOAD_WORKERS = 6;
const TIERS = { client: 'rbe', front: 'web', images: 'img', store: 'db' };
const LOAD = { mix: 'browsing', browsers: 16, thinkMs: 50 } as const;

export const webStudy: Study = {
  figure: '16',
  title: "Figure 16: the web application, its image server's host under outside load",
  runs: { usual: 3, quick: 1 },
  measure,
};

function scenario(): Scenario {
  const host = (name: string, cpus: number) => ({ name, cpus, room: 1, rateBps: LAN_BPS });
  return {
    name: 'web16',
    hosts: [host('a', 0.5), host('b', 0.4), host('c', 0.2), host('d', 0.2), host('e', 0.2)],
    home: { rateBps: MAN_BPS },
    paths: [
      { from: PROXY, to: '*', delayMs: 1 },
      { from: '*', to: PROXY, delayMs: 1 },
    ],
    vms: [
      { name: TIERS.client, host: 'a', pinned: true },
      { name: TIERS.front, host: 'b' },
      { name: TIERS.images, host: 'c' },
      { name: TIERS.store, host: 'd' },
    ],
    load: { host: 'c', workers: LOAD_WORKERS },
  };
}

interface WebRun extends CaseRun {
  run: number;
}

async function measure({ runs, quick, seed, tell }: StudyContext): Promise<StudyResult> {
  const missing = missingParts();
  if (missing !== undefined) throw new Absent(missing);
  const [stage, times] = [scenario(), timesOf(quick)];
  tell('daemons start, the underlay is measured');
  const bed = await AdaptBed.make(stage);
  const all: WebRun[] = [];
  try {
    for (let run = 1; run <= runs; run++) {
      for (const which of CASES) {
        const workload = webWorkload(TIERS, { ...LOAD, seed: seed + run });
        const done = await runCase(bed, workload, which, times);
        all.push({ ...done, run });
        tell(`run ${run}, ${which}: ${done.before.toFixed(1)} to ${done.after.toFixed(1)} WIPS`);
      }
    }
  } finally {
    await bed.close();
  }
  return result(stage, times, all);
}

function result(stage: Scenario, times: CaseTimes, all: WebRun[]): StudyResult {
  const rates = (which: Case) => all.filter((run) => run.case === which).map(({ after }) => after);
  const gain = (which: Case) => median(rates(which)) / median(rates('nothing'));
  const paperGain = (which: Case) => PAPER[which] / PAPER.nothing;
  return {
    figures: [
      ...CASES.map((which) => ({
        name: which,
        unit: 'WIPS',
        samples: rates(which),
        beside: `${gain(which).toFixed(2)} x nothing; paper ${PAPER[which]} WIPS, ${paperGain(which).toFixed(2)} x`,
        ...(which === 'both' ? { met: gain(which) >= GAIN_MIN } : {}),
      })),
      ...decisionFigure(all),
    ],
    rows: all.map((run) => ({ run: run.run, ...caseRow(run) })),
    charts: [
      {
        kind: 'bars',
        title: "Web application, its image server's host under outside load",
        subtitle: 'browsing mix; of each its own "nothing"; bars: medians, whiskers: all runs',
        ...{ xLabel: 'mechanisms', yLabel: 'web interactions a second, over "nothing"' },
        groups: [...CASES],
        series: [
          { name: 'paper', hollow: true, samples: CASES.map((which) => [paperGain(which)]) },
          {
            name: 'vnet',
            samples: CASES.map((which) => rates(which).map((rate) => rate / median(rates('nothing')))),
          },
        ],
      },
    ],
    parameters: { scenario: stage, tiers: TIERS, load: LOAD, settings: SETTINGS, times },
  };
}
