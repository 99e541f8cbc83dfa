/** The fourth chapter: a parallel program over two LANs and a WAN is slow, and adaptation makes it fast. */
import type { AdaptRecord } from '../../core/index.js';
import { type PatternsRun, startPatterns } from '../patterns/index.js';
import type { Lab } from '../lab.js';
import type { LabNode } from '../node.js';
import { bringUp, makeDemoLab } from './demo-overlay.js';
import { labScript } from './lab-script.js';
import type { Stage } from './stage.js';
import { asking, until } from './until.js';

const ALL_TO_ALL = { shape: 'all-to-all', messageBytes: 8000 };
const RING = { shape: 'ring', messageBytes: 30_000 };
/** The VMs share the machine's few CPUs: so long a superstep waits, whatever the network. */
const PAUSE_US = 5000;
const REPORT_MS = 500;
const MEASURED_INTERVALS = 6;
const START_TIMEOUT_MS = 20_000;
const DECLARED_TIMEOUT_MS = 15_000;
/** Until trains have gone over links that carry nothing. */
const MEASURED_TIMEOUT_MS = 10_000;
const CONFIDENT = 0.5;
const PLAN_TIMEOUT_MS = 30_000;
const JUDGED_TIMEOUT_MS = 40_000;
const BY_ITSELF_TIMEOUT_MS = 40_000;
const BAR_WIDTH = 40;

export async function adaptChapter(stage: Stage, keep: boolean): Promise<void> {
  stage.heading('A lab: two LANs, a and b, c and d, and a slow way between them');
  const lab = await makeDemoLab(stage, 'adapt.lab');
  stage.print(stage.faint(`$ vnet up examples/adapt.vnet --lab ${stage.lab}`));
  await bringUp(stage, labScript(stage, 'adapt.vnet'));
  await startVms(stage, lab);
  await stage.must('sight', '--update', '100ms', '--smoothing', '500ms');

  stage.heading('A parallel program in eight VMs: everyone to everyone, and slow');
  const first = await start(stage, lab.vms, ALL_TO_ALL);
  await declared(stage, ALL_TO_ALL.shape);
  await stage.show('topology');
  const slow = await rate(first);
  stage.print(`  ${stage.bold(perSecond(slow))} ${bar(slow, slow)}`);

  stage.heading('What would make it faster, and why');
  await measured(stage);
  await stage.must('adapt', 'set', '--budget', '1s');
  const plan = await planned(stage);

  stage.heading('It is done');
  await stage.showLive('adapt', 'apply', plan, '--yes');
  const record = await judged(stage);
  compare(stage, slow, await rate(first), record);
  await stage.show('map');
  await first.stop();

  stage.heading('Another program runs, a ring, and it adapts by itself');
  await stage.show('adapt', 'set', '--mode', 'auto', '--settle', '3s', '--confirm', '500ms');
  const second = await start(stage, await farApart(stage, lab), RING);
  const ring = await rate(second);
  const own = await byItself(stage, second);
  compare(stage, ring, await rate(second), own);
  await second.stop();

  stage.heading('Why things are as they are');
  const moved = own.actions.find((action) => action.kind === 'move');
  await stage.show('adapt', 'why', moved?.kind === 'move' ? moved.vm : 'p1');
  await stage.show('adapt', 'history');

  if (keep) return farewell(stage);
  await stage.must('adapt', 'off');
  await asking(stage, (client) =>
    Promise.all(lab.vms.map(({ name }) => client.stopVm(name, { graceMs: 0 }))),
  );
  stage.heading('Everything removed');
}

async function startVms(stage: Stage, lab: Lab): Promise<void> {
  const names = lab.vms.map(({ name }) => name);
  stage.print(stage.faint(`$ vnet vm start ${names[0]}    and so for the other ${names.length - 1}`));
  await asking(stage, (client) => Promise.all(names.map((name) => client.startVm(name))));
  await until(stage, 'the VMs to run', START_TIMEOUT_MS, async (client) => {
    const states = await client.vms();
    return states.every(({ state }) => state === 'running') ? true : undefined;
  });
}

/** `ranks`: the VMs in the order of the program's ranks. */
function start(
  stage: Stage,
  ranks: readonly LabNode[],
  { shape, messageBytes }: typeof RING,
): Promise<PatternsRun> {
  const on = ranks.map(({ name }) => name).join(',');
  const options = `--shape ${shape} --message ${messageBytes} --pause-us ${PAUSE_US} --on ${on}`;
  stage.print(stage.faint(`$ vnet lab patterns ${stage.lab} ${options}`));
  return startPatterns(ranks, { shape, messageBytes, pauseUs: PAUSE_US, reportMs: REPORT_MS });
}

/** The VMs in an order in which neighbours are on different hosts, as far as that goes. */
async function farApart(stage: Stage, lab: Lab): Promise<LabNode[]> {
  const vms = await asking(stage, (client) => client.vms());
  const hosts = [...new Set(vms.map(({ host }) => host))];
  const queues = hosts.map((on) => vms.filter(({ host }) => host === on)).sort((a, b) => b.length - a.length);
  const longest = queues[0]?.length ?? 0;
  const order = Array.from({ length: longest }, (_, at) => queues.flatMap((queue) => queue[at] ?? [])).flat();
  return order.map(({ vm }) => lab.vm(vm));
}

/** The application's own figure: iterations a second, over some seconds. */
const rate = (run: PatternsRun): Promise<number> => run.measure(MEASURED_INTERVALS);
const perSecond = (iterations: number): string => `${iterations.toFixed(1)} iterations a second`;

function declared(stage: Stage, kind: string): Promise<true> {
  return until(stage, `topology "${kind}"`, DECLARED_TIMEOUT_MS, async (client) => {
    const { state, applications } = await client.inferredTopology();
    const named = applications.some(({ names }) => names.some((name) => name.kind === kind));
    return state === 'settled' && named ? true : undefined;
  });
}

/** Until the links that carry nothing yet are measured, in both directions. */
async function measured(stage: Stage): Promise<void> {
  await until(stage, 'estimates of the idle links', MEASURED_TIMEOUT_MS, async (client) => {
    const { paths } = await client.underlay();
    const direct = paths.filter(({ link }) => link?.type === 'udp');
    const sure = direct.filter(({ availableBitsPerSecond: free }) => (free?.confidence ?? 0) >= CONFIDENT);
    return direct.length > 0 && sure.length === direct.length ? true : undefined;
  }).catch(() => {}); // the plan's notes say what is missing
  await stage.show('net');
}

/** Once enough is measured for a plan that moves somebody. @returns its name */
async function planned(stage: Stage): Promise<string> {
  const moves = ({ code, stdout }: { code: number; stdout: string }) =>
    code === 2 && stdout.includes('> move');
  const { stdout } = await stage.showOnce(moves, PLAN_TIMEOUT_MS, 'adapt', 'plan');
  return /^Plan (\S+)/m.exec(stdout)?.[1] ?? '';
}

/** Once what the newest change brought is measured. */
function judged(stage: Stage): Promise<AdaptRecord> {
  return until(stage, 'the change to be judged', JUDGED_TIMEOUT_MS, async (client) => {
    const [newest] = (await client.adaptation(1)).history;
    return newest?.measuredGain === undefined ? undefined : newest;
  });
}

function compare(stage: Stage, before: number, after: number, record: AdaptRecord): void {
  const most = Math.max(before, after);
  const share = (gain: number): string => `${gain < 0 ? '' : '+'}${(gain * 100).toFixed(0)}%`;
  stage.print(
    '',
    `  before  ${perSecond(before).padStart(26)}  ${bar(before, most)}`,
    `  after   ${perSecond(after).padStart(26)}  ${bar(after, most)}  ${stage.good(`${(after / before).toFixed(1)} times`)}`,
    `  rates of its flows: ${share(record.predictedGain)} predicted, ${share(record.measuredGain ?? 0)} measured: ${record.outcome}`,
  );
}

/** Shows the rate, and what adaptation says, until a change that it made by itself is judged. */
async function byItself(stage: Stage, run: PatternsRun): Promise<AdaptRecord> {
  const over = new AbortController();
  const shown = Promise.all([show(stage, run, over.signal), tell(stage, over.signal)]);
  try {
    return await until(stage, 'adaptation to act by itself', BY_ITSELF_TIMEOUT_MS, async (client) => {
      const [newest] = (await client.adaptation(1)).history;
      return newest?.by === 'auto' && newest.measuredGain !== undefined ? newest : undefined;
    });
  } finally {
    over.abort();
    await shown;
  }
}

/** As `vnet events --kind adaptation` does. */
function tell(stage: Stage, over: AbortSignal): Promise<void> {
  return asking(stage, async (client) => {
    try {
      for await (const event of client.events(over))
        if (event.kind === 'adaptation') stage.print(`  ${stage.bold(event.outcome)}: ${event.text}`);
    } catch (error) {
      if (!over.aborted) throw error;
    }
  });
}

async function show(stage: Stage, run: PatternsRun, over: AbortSignal): Promise<void> {
  let most = 0;
  for await (const { kind, iterationsPerSecond } of run) {
    if (over.aborted) return;
    most = Math.max(most, iterationsPerSecond);
    if (kind === 'interval')
      stage.print(`  ${perSecond(iterationsPerSecond).padStart(26)}  ${bar(iterationsPerSecond, most)}`);
  }
}

const bar = (value: number, most: number): string =>
  '█'.repeat(Math.round((most > 0 ? value / most : 0) * BAR_WIDTH));

function farewell(stage: Stage): void {
  stage.heading('Left up for you');
  stage.print(
    `  export VNET_SOCKET=${stage.env['VNET_SOCKET']} XDG_RUNTIME_DIR=${stage.directory}`,
    `  bin/vnet lab patterns ${stage.lab} --shape tree &         something to adapt to`,
    '  bin/vnet adapt plan                             what it would do, and why',
    '  bin/vnet events --kind adaptation               what it does by itself, as it happens',
    '',
    `  remove it with: bin/vnet down; bin/vnet lab down ${stage.lab}; rm -r ${stage.directory}`,
  );
}
