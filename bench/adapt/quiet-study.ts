/**
 * Nothing to gain: an application that is placed well already, with direct links of the user's. Adaptation that may do
 * all must do nothing, and must cost nothing: its rate with adaptation on and off, in interleaved pairs.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { AdaptRecord } from '../../core/index.js';
import { median } from '../figure.js';
import { AdaptBed } from './bed.js';
import { cluster } from './bsp-scenarios.js';
import { SETTINGS } from './cases.js';
import { bspWorkload } from './patterns-workload.js';
import { ProcessorWatch } from './processor-watch.js';
import type { Scenario } from './scenario.js';
import { pairedGain } from './statistics.js';
import type { Study, StudyContext, StudyResult } from './study.js';
import { type Application, rateBetween } from './workload.js';

/** It computes most of the time: wider paths would not make it faster, and all hosts are alike. */
const BSP = { messageBytes: 6000, ratio: 1000 };
/** Until what Wren knows is of this application's traffic. */
const WARM_UP_MS = 5000;
/** Of half a pair; longer than adaptation takes to act where there is something to gain. */
const WINDOW_MS = 4000;
/** After the switch, until it is measured. */
const SWITCH_MS = 500;

export const quietStudy: Study = {
  figure: 'nothing-to-gain',
  title: 'Nothing to gain: a well-placed application, adaptation on and off',
  runs: { usual: 8, quick: 3 },
  measure,
};

interface Pair {
  on: number;
  off: number;
  busyShare: number;
}

async function measure({ runs, tell }: StudyContext): Promise<StudyResult> {
  const { hosts, ...rest } = cluster('quiet');
  // No host stands empty: to spread two VMs over two hosts would be a gain.
  const scenario = { ...rest, hosts: hosts.filter(({ name }) => rest.vms.some(({ host }) => host === name)) };
  tell('daemons start, the underlay is measured');
  const bed = await AdaptBed.make(scenario, {
    shapes: [{ kind: 'mesh', type: 'udp', network: 'lab', hosts: scenario.hosts.map(({ name }) => name) }],
  });
  try {
    await bed.reset();
    const known = new Set((await bed.client.adaptation()).history.map(({ id }) => id));
    const before = await bed.mapping();
    const application = await bspWorkload(BSP).start(bed);
    const pairs: Pair[] = [];
    await pause(WARM_UP_MS);
    try {
      for (let run = 1; run <= runs; run++) {
        pairs.push(await onePair(bed, application, run % 2 === 0));
        tell(`pair ${run} of ${runs}`);
      }
    } finally {
      await application.stop();
    }
    const after = await bed.mapping();
    const { history, state } = await bed.client.adaptation();
    const moved = Object.keys(before).filter((vm) => before[vm] !== after[vm]).length;
    const records = history.filter(({ id }) => !known.has(id));
    return result(scenario, pairs, { moved, records, state });
  } finally {
    await bed.close();
  }
}

async function onePair(bed: AdaptBed, application: Application, onFirst: boolean): Promise<Pair> {
  const watch = new ProcessorWatch();
  const half = async (isOn: boolean) => {
    await bed.client.setAdaptation(
      isOn ? { ...SETTINGS, mode: 'auto', mechanisms: ['migration', 'topology'] } : { mode: 'off' },
    );
    await pause(SWITCH_MS);
    const from = Date.now();
    await pause(WINDOW_MS);
    return rateBetween(application.samples, from, Date.now());
  };
  const first = await half(onFirst);
  const second = await half(!onFirst);
  const [on, off] = onFirst ? [first, second] : [second, first];
  return { on, off, busyShare: watch.share() };
}

function result(
  scenario: Scenario,
  pairs: Pair[],
  { moved, records, state }: { moved: number; records: AdaptRecord[]; state: string },
): StudyResult {
  const gain = pairedGain(pairs);
  const per = (share: number) => `${(share * 100).toFixed(1)}%`;
  const [on, off] = [pairs.map((pair) => pair.on), pairs.map((pair) => pair.off)];
  return {
    figures: [
      { name: 'adaptation off', unit: 'supersteps/s', samples: off, beside: '' },
      {
        name: 'adaptation on',
        unit: 'supersteps/s',
        samples: on,
        beside: `${(median(on) / median(off)).toFixed(3)} x off`,
      },
      {
        name: 'on against off, pair by pair, mean',
        unit: '%',
        samples: [gain.mean * 100],
        beside: `95% confidence ${per(gain.low)} to ${per(gain.high)}: bar, 0 is within`,
        met: gain.low <= 0 && gain.high >= 0,
      },
      {
        name: 'changes made',
        unit: '',
        samples: [records.length],
        beside: `bar 0; ${state}`,
        met: records.length === 0,
      },
      { name: 'VMs moved', unit: '', samples: [moved], beside: 'bar 0', met: moved === 0 },
    ],
    rows: pairs.map((pair, run) => ({ pair: run + 1, ...pair, gain: pair.on / pair.off - 1 })),
    charts: [
      {
        kind: 'bars',
        title: 'A well-placed application, adaptation off and on',
        subtitle: `BSP all-to-all, pair by pair; on against off ${per(gain.mean)} (${per(gain.low)} to ${per(gain.high)})`,
        ...{ xLabel: 'pair', yLabel: 'application rate (supersteps/s)' },
        groups: pairs.map((_, i) => String(i + 1)),
        series: [
          { name: 'off', samples: off.map((rate) => [rate]) },
          { name: 'on', samples: on.map((rate) => [rate]) },
        ],
      },
    ],
    parameters: { scenario, workload: BSP, settings: SETTINGS, windowMs: WINDOW_MS, records },
  };
}
