import type { Command } from 'commander';
import type { SightParameters } from '../../core/index.js';
import type { CliContext } from '../context.js';
import { duration, percent, share, timeMs } from '../format.js';
import { act, addVerb, GROUPS, type Run } from '../run.js';

interface Options {
  update?: string;
  smoothing?: string;
  threshold?: string;
  probeShare?: string;
  derive?: boolean;
}

/** As SightParameters says; here so that a slip is explained before anything is asked. */
export const UPDATE_MS = [20, 60_000] as const;
export const SMOOTHING_MS = [20, 600_000] as const;
export const THRESHOLD_MIN = 0.0001;
const PROBE_SHARE_MAX = 0.1;

export function addSight(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'sight',
    group: GROUPS.change,
    summary: 'how traffic is watched: update, smoothing, threshold, probes',
    about:
      'Shows the parameters of inference and measurement, and sets those that are given. They hold at once and ' +
      'overlay-wide. Short updates see more and cost more; long smoothing is calm but merges what changes faster; ' +
      'a low threshold keeps faint pairs, and noise with them. With --derive, update and smoothing follow the ' +
      'configuration time (`vnet config-time`), so that nothing is decided on what adaptation itself stirs up.',
    examples: [
      ['sight', 'what holds now, explained'],
      ['sight --update 100ms --smoothing 500ms', 'for applications that change quickly'],
      ['sight --threshold 5%', 'keep pairs down to a twentieth of the busiest'],
      ['sight --probe-share 0', 'measure from traffic alone, send nothing'],
    ],
  })
    .option('--update <time>', 'period between two reports of a daemon')
    .option('--smoothing <time>', 'rates are means over this')
    .option('--threshold <share>', 'pairs below this share of the busiest are left out')
    .option('--probe-share <share>', 'what measurement may add to a link')
    .option('--derive', 'update and smoothing follow the configuration time')
    .option('--no-derive', 'and no more');
  act<[], Options>(command, context, async (run, options) => {
    const wanted = parametersOf(options);
    const set = Object.keys(wanted).length > 0;
    const parameters = set ? await run.client.setSight(wanted) : await run.client.sight();
    if (run.json) return run.printJson(parameters);
    if (set) run.print(run.paint.good('Set.'));
    explain(run, parameters);
  });
}

function parametersOf(options: Options): Partial<SightParameters> {
  const { update, smoothing, threshold, probeShare, derive } = options;
  return {
    ...(update === undefined ? {} : { updateMs: timeMs(update, 'a period', ...UPDATE_MS) }),
    ...(smoothing === undefined ? {} : { smoothingMs: timeMs(smoothing, 'an interval', ...SMOOTHING_MS) }),
    ...(threshold === undefined
      ? {}
      : { detectionThreshold: share(threshold, 'a threshold', THRESHOLD_MIN, 1) }),
    ...(probeShare === undefined
      ? {}
      : { probeShare: share(probeShare, 'a share of a link', 0, PROBE_SHARE_MAX) }),
    ...(derive === undefined ? {} : { derived: derive }),
  };
}

function explain(run: Run, parameters: SightParameters): void {
  const { strong, faint } = run.paint;
  const { updateMs, smoothingMs, detectionThreshold, probeShare, derived } = parameters;
  const line = (name: string, value: string, meaning: string): void =>
    run.print(`${strong(name.padEnd(12))} ${value.padEnd(8)} ${faint(meaning)}`);
  const follows = derived ? ', from the configuration time' : '';
  line('update', duration(updateMs), `every daemon reports its counters this often${follows}`);
  line('smoothing', duration(smoothingMs), `rates are means over this${follows}`);
  line('threshold', percent(detectionThreshold), 'pairs below this share of the busiest are no edges');
  line(
    'probe-share',
    percent(probeShare),
    probeShare === 0 ? 'measurement sends nothing of its own' : 'of each link, at most, for measurement',
  );
  line(
    'derive',
    derived ? 'yes' : 'no',
    derived ? '`vnet config-time` sets the pace' : 'update and smoothing stay as set',
  );
}
