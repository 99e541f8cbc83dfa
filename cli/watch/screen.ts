/** The live screen as lines, no more than fit: pure, so that it can be read in a test. */
import type { UnderlayView } from '../../core/index.js';
import { trusted } from '../doctor/index.js';
import { bitRate, percent, plural, roundTrip } from '../format.js';
import { visibleLength } from '../palette.js';
import type { Run } from '../run.js';
import { pad, shorten } from '../table.js';
import { headingText, topologyLines } from '../topology-text.js';
import { bottleneckText, pathFigures } from '../underlay-text.js';
import { eventText } from '../verbs/events.js';
import type { WatchState } from './state.js';

export interface Size {
  columns: number;
  rows: number;
}

/** Of the rows, what the drawing of the topology may take. */
const TOPOLOGY_SHARE = 0.45;
const PAIRS_MIN = 3;
const NAMES_WIDTH_MAX = 40;
const BAR_WIDTH_MAX = 40;
const TIME = 8;

export function watchScreen(run: Run, state: WatchState, size: Size, everyText: string): string[] {
  const { strong, faint, bad } = run.paint;
  const head = [
    `${strong('vnet watch')}  ${faint(`every ${everyText}, q quits`)}${state.trouble === undefined ? '' : `  ${bad(`no answer: ${state.trouble.message}`)}`}`,
  ];
  const foot = [...netLines(run, state), ...eventLines(run, state)];
  const topology = shortened(
    run,
    state.topology ? topologyLines(run, state.topology, state.hostOf, 'none', size.columns) : [],
    Math.floor(size.rows * TOPOLOGY_SHARE),
  );
  const room = size.rows - head.length - topology.length - foot.length - 3;
  const lines = [
    ...head,
    '',
    ...topology,
    '',
    ...pairLines(run, state, size.columns, Math.max(PAIRS_MIN, room)),
    ...foot,
  ];
  return lines
    .slice(0, size.rows)
    .map((line) =>
      visibleLength(line) > size.columns ? shorten(line, size.columns, run.glyphs.ellipsis) : line,
    );
}

function shortened(run: Run, lines: string[], most: number): string[] {
  if (lines.length <= most) return lines;
  return [...lines.slice(0, Math.max(1, most - 1)), run.paint.faint('  more: `vnet topology`')];
}

/** The busiest pairs, a bar each; above them the sum and how it went. */
function pairLines(run: Run, { matrix, totals }: WatchState, columns: number, most: number): string[] {
  const { strong, vm, good, faint } = run.paint;
  const pairs = matrix?.pairs.filter((pair) => pair.bitsPerSecond > 0) ?? [];
  const shown = pairs.slice(0, Math.max(0, most - 2));
  const texts = shown.map(({ from, to }) =>
    shorten(`${from} ${run.glyphs.arrow} ${to}`, NAMES_WIDTH_MAX, run.glyphs.ellipsis),
  );
  const width = Math.max(0, ...texts.map(visibleLength));
  const room = Math.min(BAR_WIDTH_MAX, columns - width - 17);
  const top = shown[0]?.bitsPerSecond ?? 1;
  const sum = bitRate(totals.at(-1) ?? 0);
  return [
    `${strong('Traffic')}  ${plural(pairs.length, 'pair')}, ${sum} together  ${faint(sparkLine(run, totals))}`,
    ...shown.map((pair, at) => {
      const bar = run.glyphs.full.repeat(Math.max(1, Math.round((pair.bitsPerSecond / top) * room)));
      return `  ${vm(pad(texts[at] ?? '', width))}  ${pad(bitRate(pair.bitsPerSecond), 11, true)}  ${good(bar)}`;
    }),
    '',
  ];
}

const SPARKS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII_SPARKS = ['_', '.', '-', '=', '+', '*', '#', '@'];

/** Levels of the last totals, from none to the most of them. */
export function sparkLine(run: Run, values: readonly number[]): string {
  const marks = run.glyphs.full === '█' ? SPARKS : ASCII_SPARKS;
  const most = Math.max(...values, 0);
  return values
    .map((value) => marks[most > 0 ? Math.round((value / most) * (marks.length - 1)) : 0] ?? '')
    .join('');
}

function netLines(run: Run, { underlay }: WatchState): string[] {
  if (!underlay || underlay.paths.length === 0) return [];
  return [
    `${run.paint.strong('Network')}  ${netSummary(run, underlay)}`,
    ...underlay.bottlenecks.slice(0, 1).map((group) => `  ${bottleneckText(run, group)}`),
    ...underlay.notes.slice(0, 1).map((note) => `  ${run.paint.warn(note)}`),
    '',
  ];
}

/** The worst of each figure that is sure enough, with where it is. */
function netSummary(run: Run, { paths }: UnderlayView): string {
  type Name = 'availableBitsPerSecond' | 'lossRatio' | 'rttUs';
  const worst = (name: Name, words: string, text: (value: number) => string, least: boolean): string[] => {
    const [found] = paths
      .flatMap((path) => {
        const known = pathFigures(path)[name];
        const value = known?.atLeast ? undefined : trusted(known);
        return value === undefined ? [] : [{ path, value }];
      })
      .sort((a, b) => (least ? a.value - b.value : b.value - a.value));
    if (!found || (name === 'lossRatio' && found.value === 0)) return [];
    return [`${words} ${text(found.value)} (${found.path.from} ${run.glyphs.arrow} ${found.path.to})`];
  };
  return [
    ...worst('availableBitsPerSecond', 'least free', bitRate, true),
    ...worst('rttUs', 'longest round trip', roundTrip, false),
    ...worst('lossRatio', 'most loss', percent, false),
  ].join(', ');
}

function eventLines(run: Run, { events }: WatchState): string[] {
  if (events.length === 0) return [];
  return [
    run.paint.strong('Events'),
    ...events.map((event) => `  ${run.paint.faint(event.at.slice(11, 11 + TIME))}  ${eventText(run, event)}`),
  ];
}

/** One line for a log: time, topology, the sum, the busiest pair. */
export function watchLine(run: Run, state: WatchState): string {
  const { topology, matrix, trouble } = state;
  if (trouble !== undefined) return `no answer: ${trouble.message}`;
  if (!topology) return '';
  const [busiest] = matrix?.pairs ?? [];
  const pair =
    busiest && busiest.bitsPerSecond > 0
      ? `, most ${busiest.from} ${run.glyphs.arrow} ${busiest.to} ${bitRate(busiest.bitsPerSecond)}`
      : '';
  return `${topology.at.slice(11, 11 + TIME)}  ${headingText(topology)}; ${bitRate(state.totals.at(-1) ?? 0)} together${pair}`;
}
