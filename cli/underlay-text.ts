/** Estimates of the network underneath as lines for people. What is old or weak is faint; what is only a bound says so. */
import type { BottleneckGroup, Estimate, LinkEstimate, PathEstimate, UnderlayView } from '../core/index.js';
import { bitRate, duration, percent, roundTrip, shortBitRate } from './format.js';
import { plain, visibleLength } from './palette.js';
import type { Run } from './run.js';
import type { Column } from './table.js';
import { columnsOf } from './topology-text.js';

/** Older than this, an estimate is shown faint. */
const OLD_MS = 30_000;
/** Less sure than this, too. */
const WEAK_CONFIDENCE = 0.5;

/** What an estimate reads like; blank where there is none. */
export function estimateText(
  run: Run,
  estimate: Estimate | undefined,
  text: (value: number) => string,
): string {
  if (!estimate) return '';
  const words = `${estimate.atLeast ? `${run.glyphs.full === '█' ? '≥' : '>='}` : ''}${text(estimate.value)}`;
  if (estimate.ageMs <= OLD_MS && estimate.confidence >= WEAK_CONFIDENCE) return words;
  return run.paint.enabled ? run.paint.faint(words) : `${words}?`;
}

/** What matters of a direction between two hosts, from its link or from what was measured without one. */
export function pathFigures(
  path: PathEstimate,
): Pick<LinkEstimate, 'availableBitsPerSecond' | 'rttUs' | 'lossRatio' | 'pathMtuBytes'> {
  const pick = <K extends 'availableBitsPerSecond' | 'rttUs' | 'lossRatio' | 'pathMtuBytes'>(name: K) => {
    const value = path.link?.[name] ?? path[name];
    return value === undefined ? {} : { [name]: value };
  };
  return {
    ...pick('availableBitsPerSecond'),
    ...pick('rttUs'),
    ...pick('lossRatio'),
    ...pick('pathMtuBytes'),
  };
}

interface Figure {
  title: string;
  cell: (path: PathEstimate) => string;
}

const figures = (run: Run): Figure[] => [
  {
    title: 'Available bandwidth, bit/s',
    cell: (path) => estimateText(run, pathFigures(path).availableBitsPerSecond, shortBitRate),
  },
  { title: 'Round trip', cell: (path) => estimateText(run, pathFigures(path).rttUs, roundTrip) },
  { title: 'Loss', cell: (path) => estimateText(run, pathFigures(path).lossRatio, percent) },
];

/** Hosts by hosts, a table for each figure; a list where the terminal is too narrow for that. */
export function printNet(run: Run, view: UnderlayView): void {
  const { strong, faint } = run.paint;
  const paths = new Map(view.paths.map((path) => [`${path.from} ${path.to}`, path]));
  if (paths.size === 0) {
    run.print(
      faint('Nothing is measured yet: figures come with the links, within seconds of their traffic.'),
    );
    return;
  }
  if (!tablesFit(run, view)) return printPathList(run, view);
  for (const { title, cell } of figures(run)) {
    const rows = view.hosts.map((from) => [
      run.paint.host(from),
      ...view.hosts.map((to) => {
        const path = paths.get(`${from} ${to}`);
        if (from === to) return faint(run.glyphs.full === '█' ? '·' : '.');
        return path === undefined ? '' : path.reachable === false ? run.paint.bad('no way') : cell(path);
      }),
    ]);
    if (rows.every((row) => row.slice(1).every((text) => /^[·.]?$/.test(plain(text))))) continue;
    run.print(strong(title));
    run.printTable(
      [{ title: 'FROM \\ TO' }, ...view.hosts.map((to): Column => ({ title: to, right: true }))],
      rows,
      '',
    );
    run.print('');
  }
  run.print(faint(legend(run, view.paths)));
}

const GAP = 2;

function tablesFit(run: Run, view: UnderlayView): boolean {
  const widest = view.hosts.map((to) =>
    Math.max(
      to.length,
      ...view.paths
        .filter((path) => path.to === to)
        .flatMap((path) => figures(run).map(({ cell }) => visibleLength(cell(path)))),
    ),
  );
  const first = Math.max('FROM \\ TO'.length, ...view.hosts.map((host) => host.length));
  return widest.reduce((sum, width) => sum + GAP + width, first) <= columnsOf(run);
}

function printPathList(run: Run, view: UnderlayView): void {
  const { host, bad } = run.paint;
  const shown = figures(run);
  run.printTable(
    [
      { title: 'FROM' },
      { title: 'TO' },
      { title: 'AVAILABLE', right: true },
      { title: 'RTT', right: true },
      { title: 'LOSS', right: true },
      { title: 'AGE', right: true },
    ],
    view.paths.map((path) => [
      host(path.from),
      host(path.to),
      ...(path.reachable === false ? [bad('no way'), '', ''] : shown.map(({ cell }) => cell(path))),
      ageOf(path),
    ]),
    '',
  );
  run.print(run.paint.faint(legend(run, view.paths)));
}

/** Of the newest figure. */
function ageOf(path: PathEstimate): string {
  const ages = Object.values(pathFigures(path)).map((estimate) => estimate.ageMs);
  return ages.length === 0 ? '' : duration(Math.min(...ages));
}

function legend(run: Run, paths: readonly PathEstimate[]): string {
  const ages = paths.flatMap((path) => Object.values(pathFigures(path)).map((estimate) => estimate.ageMs));
  const oldest = ages.length === 0 ? '' : ` The oldest figure is ${duration(Math.max(...ages))} old.`;
  const bound = run.glyphs.full === '█' ? '≥' : '>=';
  return `${bound}: never seen exceeded. ${run.paint.enabled ? 'Faint' : '?'}: older than ${OLD_MS / 1000} s or less than ${percent(WEAK_CONFIDENCE)} sure.${oldest}`;
}

/** Every direction of every link with all that is known of it. */
export function printLinkEstimates(run: Run, links: readonly LinkEstimate[]): void {
  const { host, faint } = run.paint;
  const right = (title: string): Column => ({ title, right: true });
  run.printTable(
    [
      { title: 'FROM' },
      { title: 'TO' },
      { title: 'TYPE' },
      right('CAPACITY'),
      right('AVAILABLE'),
      right('IN USE'),
      right('RTT'),
      right('LEAST'),
      right('VARIATION'),
      right('LOSS'),
      right('MTU'),
      { title: 'BY' },
      right('SURE'),
      right('AGE'),
    ],
    links.map((link) => {
      const main = link.availableBitsPerSecond ?? link.capacityBitsPerSecond ?? link.rttUs;
      return [
        host(link.from),
        host(link.to),
        link.type,
        estimateText(run, link.capacityBitsPerSecond, shortBitRate),
        estimateText(run, link.availableBitsPerSecond, shortBitRate),
        estimateText(run, link.throughputBitsPerSecond, shortBitRate),
        estimateText(run, link.rttUs, roundTrip),
        estimateText(run, link.minRttUs, roundTrip),
        estimateText(run, link.delayVariationUs, roundTrip),
        estimateText(run, link.lossRatio, percent),
        estimateText(run, link.pathMtuBytes, String),
        faint(main?.method ?? ''),
        main === undefined ? '' : percent(main.confidence),
        main === undefined ? '' : duration(main.ageMs),
      ];
    }),
    'No link carries anything yet.',
  );
}

/** `leaving a  a→b, a→c share one bottleneck of 95.3 Mbit/s  80% sure`. */
export function bottleneckText(run: Run, group: BottleneckGroup): string {
  const arrow = run.glyphs.arrow;
  const members = group.members.map((member) => member.split(' ').join(arrow)).join(', ');
  const capacity = group.capacityBitsPerSecond ? ` of ${bitRate(group.capacityBitsPerSecond.value)}` : '';
  return `${run.paint.strong(group.where)}  ${members} share one bottleneck${capacity}  ${run.paint.faint(`${percent(group.confidence)} sure`)}`;
}
