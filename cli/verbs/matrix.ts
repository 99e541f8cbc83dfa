import { type Command, Option } from 'commander';
import { MATRIX_PAIRS_MAX, type MatrixView } from '../../core/index.js';
import type { CliContext } from '../context.js';
import type { Placement } from '../draw/index.js';
import { duration, plural, wholeNumber } from '../format.js';
import { matrixCsv, matrixMap, printPairs } from '../matrix-text.js';
import { act, addVerb, GROUPS, type Run } from '../run.js';
import { otherNetworks, placementOf } from '../topology-text.js';

/** Pairs that are listed where no number is given. */
const TOP = '10';

interface Options {
  network?: string;
  top?: string;
  pairs?: boolean;
  csv?: boolean;
}

export function addMatrix(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'matrix',
    group: GROUPS.look,
    summary: 'who sends how much to whom: the traffic matrix',
    about:
      'Shows the rates between VMs as a heat map, senders down and receivers across, VMs of one host side by side, ' +
      'on a logarithmic scale; beneath it the busiest pairs. Rates are means over the smoothing interval (`vnet ' +
      'sight`), each direction by itself, counted where frames enter at a port. Group traffic is left out.',
    examples: [
      ['matrix', 'the map and the ten busiest pairs'],
      ['matrix --pairs --top 50', 'only the list'],
      ['matrix --csv > matrix.csv', 'for a spreadsheet'],
      ["matrix --json | jq '.pairs[0]'", 'the busiest pair, for scripts'],
    ],
  })
    .option('--network <name>', 'where there are several')
    .option('--top <count>', 'pairs to list (10; with --json all)')
    .option('--pairs', 'only the list, no map')
    .addOption(new Option('--csv', 'comma-separated, every pair').conflicts('pairs'));
  act<[], Options>(command, context, async (run, options) => {
    const top = wholeNumber(options.top ?? TOP, 'a number of pairs', 0, MATRIX_PAIRS_MAX);
    const view = await run.client.matrix(options.network, limitOf(run, options, top));
    if (run.json) return run.printJson(view);
    if (options.csv) return run.print(matrixCsv(view.pairs));
    const overlay = await run.overlayIfReachable();
    show(run, view, placementOf(overlay, view.network), top, options.pairs !== true);
    if (options.network === undefined) run.print(...otherNetworks(run, overlay, view.network));
  });
}

/** Pairs worth sending: a map, a spreadsheet and a script want all, a list no more than it shows. */
function limitOf(run: Run, { pairs, top }: Options, listed: number): number | undefined {
  const isList = pairs === true || (run.json && top !== undefined);
  return isList ? Math.max(1, listed) : undefined;
}

function show(run: Run, view: MatrixView, hostOf: Placement, top: number, mapped: boolean): void {
  const { strong, faint } = run.paint;
  run.print(
    `${faint(view.network)}  ${strong(plural(view.pairsTotal, 'pair'))}, means over ${duration(view.parameters.smoothingMs)}`,
  );
  const busy = view.pairs.filter((pair) => pair.bitsPerSecond > 0);
  if (busy.length === 0) run.print(faint('Nothing is sent now.'));
  else if (mapped) run.print('', ...matrixMap(run, { ...view, pairs: busy }, hostOf));
  if (top === 0 || view.pairs.length === 0) return;
  run.print('');
  printPairs(run, view.pairs.slice(0, top));
  const more = view.pairsTotal - Math.min(top, view.pairs.length);
  if (more > 0) run.print(faint(`and ${plural(more, 'pair')} more (--top)`));
}
