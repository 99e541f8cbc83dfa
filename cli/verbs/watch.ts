import type { Command } from 'commander';
import { VnetError } from '../../core/index.js';
import type { CliContext } from '../context.js';
import { endAfter, pause } from '../pause.js';
import { duration, timeMs } from '../format.js';
import { act, addVerb, GROUPS, type Run } from '../run.js';
import {
  emptyWatch,
  liveScreen,
  noteEvent,
  poll,
  watchLine,
  watchScreen,
  type WatchState,
} from '../watch/index.js';

const EVERY_MS = [100, 3_600_000] as const;
const FOR_MS = [100, 30 * 86_400_000] as const;

export function addWatch(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'watch',
    group: GROUPS.look,
    summary: 'topology, traffic and network, live',
    about:
      'Keeps a screen up to date: the topology of the application, the busiest pairs, the worst of the network ' +
      'underneath, the last events. q quits. Without a terminal it prints a line each time, with --json a document ' +
      'a line: { topology, matrix, underlay }. It asks once in a while and costs the daemons little.',
    examples: [
      ['watch', 'until q'],
      ['watch --every 5s >> vnet.log', 'a line each five seconds'],
      ['watch --for 10s --json | tail -1', 'for scripts'],
    ],
  })
    .option('--network <name>', 'where there are several')
    .option('--every <time>', 'between two looks', '1s')
    .option('--for <time>', 'end by itself after this');
  act<[], { network?: string; every: string; for?: string }>(command, context, async (run, options) => {
    const everyMs = timeMs(options.every, 'a period', ...EVERY_MS);
    const forMs = options.for === undefined ? undefined : timeMs(options.for, 'a time', ...FOR_MS);
    const state = emptyWatch();
    await poll(run, state, options.network);
    if (state.trouble) throw state.trouble;
    const { ended, done } = endAfter(run, forMs);
    const events = followEvents(run, state, ended.signal);
    try {
      if (context.stdout.isTTY && !run.json) {
        const draw = (size: { columns: number; rows: number }): string[] =>
          watchScreen(run, state, size, duration(everyMs));
        let first = true;
        await liveScreen(
          run,
          everyMs,
          draw,
          async () => {
            if (!first) await poll(run, state, options.network);
            first = false;
          },
          ended,
        );
      } else await printLines(run, state, everyMs, options.network, ended.signal);
    } finally {
      done();
      await events;
    }
  });
}

/** Beside the polls; a stream that breaks is said in the place of an event's trouble, and the polls go on. */
async function followEvents(run: Run, state: WatchState, signal: AbortSignal): Promise<void> {
  try {
    for await (const event of run.client.events(signal)) noteEvent(state, event);
  } catch (thrown) {
    if (!signal.aborted) state.trouble = VnetError.from(thrown);
  }
}

async function printLines(
  run: Run,
  state: WatchState,
  everyMs: number,
  network: string | undefined,
  ended: AbortSignal,
): Promise<void> {
  for (;;) {
    const { topology, matrix, underlay } = state;
    run.print(
      run.json
        ? JSON.stringify({
            topology,
            matrix,
            underlay: underlay ?? null,
            ...(state.trouble === undefined ? {} : { trouble: state.trouble.toBody() }),
          })
        : watchLine(run, state),
    );
    if (!(await pause(run, everyMs, ended))) return;
    await poll(run, state, network);
  }
}
