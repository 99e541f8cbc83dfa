/** The second chapter: what the VMs say to each other, what the network underneath carries, and where the trouble is. */
import type { TopologyView, UnderlayView } from '../../core/index.js';
import { type PatternsRun, startPatterns } from '../patterns/index.js';
import type { Lab } from '../lab.js';
import { bringUp, makeDemoLab } from './demo-overlay.js';
import { mbps } from './rates.js';
import type { Stage } from './stage.js';
import { asking, until } from './until.js';

const UPDATE_MS = 100;
const SMOOTHING_MS = 500;
const DECLARED_TIMEOUT_MS = 15_000;
/** Small enough that the patterns leave most of every path free. */
const MESSAGE_BYTES = 20_000;
const PAUSE_US = 40_000;
const REPORT_MS = 100;
/** Until Wren has looked at every link for long enough. */
const MEASURED_TIMEOUT_MS = 12_000;
const THROTTLED = { from: 'a', to: 'b', bitsPerSecond: 8_000_000 };
const SEEN_TIMEOUT_MS = 15_000;
const SETTLE_MS = 3000;

export async function sightChapter(stage: Stage, keep: boolean): Promise<void> {
  stage.heading('A lab whose ways differ, a star, and a mesh of UDP links');
  const lab = await makeDemoLab(stage, 'sight.lab');
  stage.print(stage.faint(`$ vnet up examples/sight.vnet --lab ${stage.lab}`));
  await bringUp(stage, 'sight.vnet');
  await stage.show('sight', '--update', `${UPDATE_MS}ms`, '--smoothing', `${SMOOTHING_MS}ms`);

  stage.heading('A parallel program runs in the VMs; nobody told vnet which');
  await tellTopology(stage, lab, 'ring', 'ring');
  await stage.show('matrix');
  await tellTopology(stage, lab, 'hypercube', 'hypercube');
  const last = await startPattern(lab, 'all-to-all');
  await declared(stage, 'all-to-all');
  await stage.show('topology');

  stage.heading('The network underneath, from the same traffic');
  await measured(stage);
  await stage.show('net');
  truth(stage, lab);

  stage.heading(`The way from ${THROTTLED.from} to ${THROTTLED.to} gets narrow`);
  await lab.setPath(THROTTLED.from, THROTTLED.to, { rateBps: THROTTLED.bitsPerSecond });
  stage.print(
    `  the lab now gives ${mbps(THROTTLED.bitsPerSecond)} between ${THROTTLED.from} and ${THROTTLED.to}`,
  );
  await seen(stage);
  await stage.showFinding('doctor', 'p0', 'p1');
  await last.stop();

  if (keep) return farewell(stage);
  stage.heading('Everything removed');
}

function startPattern(lab: Lab, shape: string): Promise<PatternsRun> {
  return startPatterns(lab, { shape, messageBytes: MESSAGE_BYTES, pauseUs: PAUSE_US, reportMs: REPORT_MS });
}

async function tellTopology(stage: Stage, lab: Lab, shape: string, kind: string): Promise<void> {
  stage.print(stage.faint(`$ vnet lab patterns ${stage.lab} --shape ${shape}`));
  await using run = await startPattern(lab, shape);
  const startedAt = await firstExchange(run);
  const { since } = await declared(stage, kind);
  const seconds = ((Date.parse(since) - startedAt) / 1000).toFixed(1);
  stage.print(`  ${stage.good(`named ${seconds} s after the first exchange`)}`);
  await stage.show('topology');
  await run.stop();
}

/** When it was, milliseconds since the epoch. */
async function firstExchange(run: PatternsRun): Promise<number> {
  for await (const { unixMs, seconds } of run) return unixMs - seconds * 1000;
  throw new Error('the pattern ended before it began');
}

/** Until vnet says so. */
function declared(stage: Stage, kind: string): Promise<TopologyView> {
  return until(stage, `topology "${kind}"`, DECLARED_TIMEOUT_MS, async (client) => {
    const view = await client.inferredTopology();
    const named = view.applications.some(({ names }) => names.some((name) => name.kind === kind));
    return view.state === 'settled' && named ? view : undefined;
  });
}

/** Until every direction between the hosts has an estimate that is worth something. */
function measured(stage: Stage): Promise<UnderlayView> {
  return until(stage, 'an estimate of every link', MEASURED_TIMEOUT_MS, async (client) => {
    const view = await client.underlay();
    const direct = view.paths.filter(({ link }) => link?.type === 'udp');
    const known = direct.filter(
      ({ availableBitsPerSecond: available }) => (available?.confidence ?? 0) > 0.8,
    );
    return direct.length > 0 && known.length === direct.length ? view : undefined;
  }).catch(() => asking(stage, (client) => client.underlay()));
}

/** In both directions, and long enough for the figures of the wide way to be gone. */
async function seen(stage: Stage): Promise<void> {
  const startedAt = performance.now();
  const { from: a, to: b, bitsPerSecond } = THROTTLED;
  await until(stage, 'the narrow way', SEEN_TIMEOUT_MS, async (client) => {
    const { paths } = await client.underlay();
    const ways = paths.filter(({ from, to }) => (from === a && to === b) || (from === b && to === a));
    const narrow = ways.filter(
      ({ availableBitsPerSecond: available }) => available && available.value < 2 * bitsPerSecond,
    );
    return narrow.length === 2 ? narrow : undefined;
  });
  stage.print(`  ${stage.good(`seen after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)}`);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}

/** What the lab was told to give, beside what was just measured. */
function truth(stage: Stage, lab: Lab): void {
  stage.print(stage.faint(`$ vnet lab truth ${stage.lab}`));
  for (const { from, to, rateBps, delayMs } of lab.truth().paths) {
    if (from > to || from === 'home' || to === 'home') continue;
    const rate = rateBps ? mbps(rateBps) : 'no limit';
    stage.print(`  ${from} - ${to}   ${rate.padStart(12)}   ${(2 * delayMs).toFixed(1)} ms both ways`);
  }
}

function farewell(stage: Stage): void {
  stage.heading('Left up for you');
  stage.print(
    `  export VNET_SOCKET=${stage.env['VNET_SOCKET']} XDG_RUNTIME_DIR=${stage.directory}`,
    `  bin/vnet lab patterns ${stage.lab} --shape tree &         something to look at`,
    '  bin/vnet watch                                  topology, pairs and links, live',
    '  bin/vnet doctor p0 p1                           where the trouble is between two VMs',
    '',
    `  remove it with: bin/vnet down; bin/vnet lab down ${stage.lab}; rm -r ${stage.directory}`,
  );
}
