/** The traffic matrix as lines for people: the heat map, and its busiest pairs. */
import type { MatrixView, PairTraffic } from '../core/index.js';
import { colourDepth, heatMap, type HeatStyle, type Placement } from './draw/index.js';
import { bitRate, count, octets, shortBitRate } from './format.js';
import type { Run } from './run.js';
import { columnsOf } from './topology-text.js';

export const heatStyleOf = (run: Run): HeatStyle => ({
  depth: colourDepth(run.context.env, run.paint.enabled),
  unicode: run.glyphs.full === '█',
});

/** VMs of one host side by side, so that what stays on a host lies along the diagonal. */
export function orderedNames(pairs: readonly PairTraffic[], hostOf: Placement): string[] {
  const names = [...new Set(pairs.flatMap(({ from, to }) => [from, to]))];
  const key = (name: string): string => `${hostOf.get(name) ?? '\uffff'}\0${name}`;
  return names.sort((a, b) => key(a).localeCompare(key(b), 'en', { numeric: true }));
}

export function matrixMap(run: Run, view: MatrixView, hostOf: Placement): string[] {
  return heatMap({
    names: orderedNames(view.pairs, hostOf),
    pairs: view.pairs.map(({ from, to, bitsPerSecond }) => ({ from, to, rate: bitsPerSecond })),
    columns: columnsOf(run),
    style: heatStyleOf(run),
    ellipsis: run.glyphs.ellipsis,
    label: run.paint.vm,
    text: bitRate,
  });
}

/** The busiest pairs as a table. */
export function printPairs(run: Run, pairs: readonly PairTraffic[]): void {
  const { vm } = run.paint;
  run.printTable(
    [
      { title: 'FROM', flex: true },
      { title: 'TO', flex: true },
      { title: 'BIT/S', right: true },
      { title: 'FRAMES/S', right: true },
      { title: 'OCTETS', right: true },
      { title: 'FRAMES', right: true },
    ],
    pairs.map((pair) => [
      vm(pair.from),
      vm(pair.to),
      shortBitRate(pair.bitsPerSecond),
      count(pair.packetsPerSecond),
      octets(pair.bytes),
      count(pair.packets),
    ]),
    'No VM has sent to another yet.',
  );
}

/** RFC 4180, without the optional quotes. */
export function matrixCsv(pairs: readonly PairTraffic[]): string {
  const field = (value: string | number): string =>
    /[",\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value);
  const rows = pairs.map((pair) => [
    pair.from,
    pair.to,
    pair.source,
    pair.destination,
    pair.bitsPerSecond,
    pair.packetsPerSecond,
    pair.bytes,
    pair.packets,
  ]);
  const title = 'from,to,source,destination,bits_per_second,packets_per_second,bytes,packets';
  return [title, ...rows.map((row) => row.map(field).join(','))].join('\n');
}
