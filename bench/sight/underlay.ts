/**
 * Wren against the lab: available bandwidth, capacity, round trip and reaction beside what was set. The links are
 * measured by the data plane and the agent alone (underlay-endpoint), so that nothing else is in the figures.
 */
import {
  accuracyTable,
  GRID_LOADS,
  GRID_RATES,
  measureAccuracy,
  quantile,
} from '../../wren/testbed/index.js';
import { type Figure, median } from '../figure.js';
import { overheadFigure } from './underlay-overhead.js';
import { IP_SHARE, pause, UnderlayStage } from './underlay-stage.js';

const RATES = [10e6, 50e6, 100e6, 200e6, 500e6];
const LOADS = [0, 0.2, 0.4, 0.6, 0.8];
/** A slow link's share buys one train in a second and a half. */
const settleMs = (rate: number): number => (rate <= 10e6 ? 12_000 : 6000);
const OVERLOAD_S = 3;
const SAMPLES = 12;
const SAMPLE_MS = 500;
const MEDIAN_MAX = 10;
const TAIL_MAX = 25;
const RTT_MAX_MS = 0.2;
const RTT_SETTLE_MS = 8000;
const CHANGE_MAX_S = 2;
const PROBE_SHARE_MAX = 1;

interface Cell {
  rate: number;
  load: number;
  /** Per cent, signed. */
  errors: number[];
  capacityErrors: number[];
  probePercent: number;
}

export async function underlayFigures(): Promise<Figure[]> {
  const cells: Cell[] = [];
  const emulator: number[] = [];
  for (const rate of RATES) await measureRate(rate, cells, emulator);
  printCells(cells);
  return [
    ...accuracyFigures(cells),
    {
      name: "the lab's own error: UDP that gets through, beside the rate set",
      unit: '%',
      samples: emulator,
      beside: 'overloaded by a fifth',
    },
    {
      name: 'sent for measuring, share of the link',
      unit: '%',
      samples: cells.map(({ probePercent }) => probePercent),
      beside: `bar ${PROBE_SHARE_MAX}%`,
      met: median(cells.map(({ probePercent }) => probePercent)) <= PROBE_SHARE_MAX * 1.05,
    },
    await roundTripFigure(),
    await changeFigure('cross traffic from 20 to 70% of 100 Mbit/s', 100e6, [0.2, 0.7]),
    await changeFigure('cross traffic from 20 to 70% of 10 Mbit/s', 10e6, [0.2, 0.7]),
    await rateChangeFigure(),
    await overheadFigure(),
    ...simulationFigures(),
  ];
}

async function measureRate(rate: number, cells: Cell[], emulator: number[]): Promise<void> {
  const stage = await UnderlayStage.make(rate);
  try {
    for (const load of LOADS) cells.push(await measureCell(stage, rate, load));
    const through = await (await stage.cross(rate * 1.2, OVERLOAD_S))();
    emulator.push((through / (rate * IP_SHARE) - 1) * 100);
  } finally {
    await stage.close();
  }
}

async function measureCell(stage: UnderlayStage, rate: number, load: number): Promise<Cell> {
  const seconds = (settleMs(rate) + SAMPLES * SAMPLE_MS) / 1000 + 1;
  const cross = load > 0 ? await stage.cross(rate * load, seconds) : undefined;
  await pause(settleMs(rate));
  const values: (number | undefined)[] = [];
  const capacities: number[] = [];
  const sentBefore = stage.probeBytes;
  for (let i = 0; i < SAMPLES; i++) {
    await pause(SAMPLE_MS);
    const estimate = stage.latest?.estimate;
    const available = estimate?.availableBitsPerSecond;
    values.push(available && !available.atLeast ? available.value : undefined);
    if (estimate?.capacityBitsPerSecond) capacities.push(estimate.capacityBitsPerSecond.value);
  }
  const probeBits = (stage.probeBytes - sentBefore) * 8;
  const truth = rate * IP_SHARE - (cross ? await cross() : 0);
  return {
    rate,
    load,
    // Knowing only a bound, or nothing, counts as wholly wrong.
    errors: values.map((value) => (value === undefined ? 100 : (value / truth - 1) * 100)),
    capacityErrors: capacities.map((value) => (value / (rate * IP_SHARE) - 1) * 100),
    probePercent: (probeBits / ((SAMPLES * SAMPLE_MS) / 1000) / rate) * 100,
  };
}

function accuracyFigures(cells: readonly Cell[]): Figure[] {
  const figure = (name: string, errors: number[]): Figure => {
    const tail = quantile(errors, 0.95);
    return {
      name,
      unit: '%',
      samples: errors.map(Math.abs),
      beside: `95th percentile ${tail.toFixed(1)}%, bar ${MEDIAN_MAX}% and ${TAIL_MAX}%`,
      met: quantile(errors, 0.5) <= MEDIAN_MAX && tail <= TAIL_MAX,
    };
  };
  const rows = RATES.map((rate) =>
    figure(
      `available bandwidth, |error|, ${rate / 1e6} Mbit/s, 0 to 80% cross traffic`,
      cells.filter((cell) => cell.rate === rate).flatMap((cell) => cell.errors),
    ),
  );
  const capacity = cells.flatMap((cell) => cell.capacityErrors).map(Math.abs);
  return [
    figure(
      'available bandwidth, |error|, whole grid',
      cells.flatMap((cell) => cell.errors),
    ),
    ...rows,
    { name: 'capacity, |error|, whole grid', unit: '%', samples: capacity, beside: 'no bar' },
  ];
}

function printCells(cells: readonly Cell[]): void {
  const per = (value: number) => `${value.toFixed(1)}%`.padStart(8);
  process.stdout.write('\n  Mbit/s  cross   median     p95    bias  probes\n');
  for (const { rate, load, errors, probePercent } of cells) {
    const bias = errors.reduce((sum, error) => sum + error, 0) / errors.length;
    process.stdout.write(
      `${String(rate / 1e6).padStart(8)} ${`${Math.round(load * 100)}%`.padStart(6)} ${per(quantile(errors, 0.5))}` +
        `${per(quantile(errors, 0.95))}${per(bias)}${per(probePercent)}\n`,
    );
  }
}

/** Beside ping, on paths of 0, 5 and 20 ms each way. */
async function roundTripFigure(): Promise<Figure> {
  const samples: number[] = [];
  for (const delayMs of [0, 5, 20]) {
    const stage = await UnderlayStage.make(null, delayMs);
    try {
      await pause(RTT_SETTLE_MS);
      const address = stage.lab.host('b').address;
      const { stdout } = await stage.lab.host('a').run(['ping', '-c', '15', '-i', '0.2', address]);
      const times = [...stdout.matchAll(/time=([\d.]+)/g)].map(([, time]) => Number(time));
      const rtt = stage.latest?.estimate?.rttUs?.value ?? Number.NaN;
      samples.push(Math.abs(rtt / 1000 - median(times)));
    } finally {
      await stage.close();
    }
  }
  return {
    name: 'round trip, difference to ping at 0, 5 and 20 ms one way',
    unit: 'ms',
    samples,
    beside: `bar ${RTT_MAX_MS} ms`,
    met: samples.every((sample) => sample <= RTT_MAX_MS),
  };
}

const CHANGE_ROUNDS = 3;
const SEEN_WITHIN = 0.25;
const CHANGE_WATCH_MS = 15_000;

/** Until the estimate is within a quarter of the new truth. */
async function changeFigure(name: string, rate: number, loads: [number, number]): Promise<Figure> {
  const samples: number[] = [];
  for (let round = 0; round < CHANGE_ROUNDS; round++) {
    const stage = await UnderlayStage.make(rate);
    try {
      const first = await stage.cross(rate * loads[0], 28);
      await pause(8000 + round * 370);
      const second = await stage.cross(rate * (loads[1] - loads[0]), 16);
      samples.push(await seen(stage, rate * (1 - loads[1]) * IP_SHARE));
      await Promise.all([first(), second()]);
    } finally {
      await stage.close();
    }
  }
  return changeRow(name, samples);
}

async function rateChangeFigure(): Promise<Figure> {
  const samples: number[] = [];
  for (const [from, to] of [
    [100e6, 20e6],
    [20e6, 100e6],
    [200e6, 50e6],
  ] as const) {
    const stage = await UnderlayStage.make(from);
    try {
      await pause(8000);
      await stage.lab.setPath('a', 'b', { rateBps: to });
      samples.push(await seen(stage, to * IP_SHARE));
    } finally {
      await stage.close();
    }
  }
  return changeRow('the rate changes: 100 to 20, 20 to 100, 200 to 50 Mbit/s', samples);
}

async function seen(stage: UnderlayStage, truth: number): Promise<number> {
  const isSeen = () => {
    const available = stage.latest?.estimate?.availableBitsPerSecond;
    return available !== undefined && Math.abs(available.value / truth - 1) <= SEEN_WITHIN;
  };
  return stage.until(isSeen, CHANGE_WATCH_MS).then(
    (ms) => ms / 1000,
    () => CHANGE_WATCH_MS / 1000,
  );
}

const changeRow = (name: string, samples: number[]): Figure => ({
  name: `seen after, ${name}`,
  unit: 's',
  samples,
  beside: `bar ${CHANGE_MAX_S} s`,
  met: median(samples) <= CHANGE_MAX_S,
});

const SIMULATED_S = 60;

/** The same method against a simulated bottleneck, where the truth is known exactly and cross traffic may be random. */
function simulationFigures(): Figure[] {
  return (['constant', 'paced', 'poisson', 'on-off'] as const).map((cross, kind) => {
    const results = (['wire', 'bucket'] as const).flatMap((shaper, s) =>
      GRID_RATES.flatMap((rateBitsPerSecond, r) =>
        GRID_LOADS.map((load, l) =>
          measureAccuracy(
            { rateBitsPerSecond, load, cross, shaper },
            1 + l + 10 * (r + 10 * (s + 10 * kind)),
            SIMULATED_S,
          ),
        ),
      ),
    );
    process.stdout.write(`\n${accuracyTable(results).join('\n')}\n`);
    const errors = results.flatMap((result) => result.errors.map((error) => error * 100));
    const tail = quantile(errors, 0.95);
    return {
      name: `simulated, ${cross} cross traffic: available bandwidth, |error|`,
      unit: '%',
      samples: errors.map(Math.abs),
      beside: `95th percentile ${tail.toFixed(1)}%, bar ${MEDIAN_MAX}% and ${TAIL_MAX}%`,
      met: quantile(errors, 0.5) <= MEDIAN_MAX && tail <= TAIL_MAX,
    };
  });
}
