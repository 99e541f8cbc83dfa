/** What VTTIF inferred, as lines for people: the heading, a drawing or a list, and how far to believe it. */
import type { ApplicationView, OverlayView, TopologyView } from '../core/index.js';
import { ASCII_PEN, type DrawStyle, drawApplication, type Placement, UNICODE_PEN } from './draw/index.js';
import { bitRate, duration, percent, plural } from './format.js';
import type { Run } from './run.js';
import { pad, wrap } from './table.js';
import { visibleLength } from './palette.js';

/** Edges of a drawing that are still listed one by one. */
const LISTED_EDGES_MAX = 12;
const DEFAULT_COLUMNS = 100;
const INDENT = '  ';

export const columnsOf = (run: Run): number => run.context.stdout.columns ?? DEFAULT_COLUMNS;

/** Hosts of the VMs of one network. */
export function placementOf(overlay: OverlayView | undefined, network: string): Placement {
  return new Map(
    overlay?.vms.filter((vm) => vm.network === network).map((vm) => [vm.name, vm.host] as const),
  );
}

/** Where there are several networks and one is shown: how to see the others. */
export function otherNetworks(run: Run, overlay: OverlayView | undefined, shown: string): string[] {
  const others = overlay?.topology.networks.map(({ name }) => name).filter((name) => name !== shown) ?? [];
  return others.length === 0 ? [] : ['', run.paint.faint(`Other networks (--network): ${others.join(', ')}`)];
}

/** `ring of 8 (confidence 0.97), settled 12 s ago`, without colours. */
export function headingText(view: TopologyView): string {
  const ago = ageText(view);
  if (view.state === 'silent') return `silent for ${ago}: no VM sends to another`;
  const [only] = view.applications;
  const what =
    view.applications.length === 1 && only
      ? applicationText(only)
      : plural(view.applications.length, 'application');
  if (view.state === 'union') return `${what}, several topologies shown as one for ${ago}`;
  return `${what}, ${view.state === 'settled' ? `settled ${ago} ago` : `settling since ${ago}`}`;
}

/** `torus 4x4 (confidence 0.97)`; a graph without a name is counted. */
export function applicationText(application: ApplicationView): string {
  const [name] = application.names;
  const what =
    name?.text ??
    `${plural(application.vms.length, 'VM')}, ${plural(application.edges.length, 'edge')}, no known shape`;
  return `${what} (confidence ${application.confidence.toFixed(2)})`;
}

function ageText(view: TopologyView): string {
  const ms = Date.parse(view.at) - Date.parse(view.since);
  return Number.isFinite(ms) && ms >= 1000 ? wholeSeconds(ms) : 'less than a second';
}

const wholeSeconds = (ms: number): string => (ms < 60_000 ? `${Math.floor(ms / 1000)} s` : duration(ms));

/** Edges listed beneath a drawing: all, those of a small application, or none. */
export type EdgesListed = 'every' | 'few' | 'none';

/** Everything `vnet topology` says of one network. */
export function topologyLines(
  run: Run,
  view: TopologyView,
  hostOf: Placement,
  listed: EdgesListed = 'few',
  columns = columnsOf(run),
): string[] {
  const { strong, faint, warn, good } = run.paint;
  const paint = view.state === 'settled' ? good : view.state === 'union' ? warn : faint;
  const lines = [`${faint(view.network)}  ${strong(paint(headingText(view)))}`];
  if (view.state === 'silent') return [...lines, ...prose(run, silentHint(view), columns)];
  if (view.state === 'union') lines.push(...prose(run, unionHint(view), columns));
  view.applications.forEach((application, at) => {
    lines.push('');
    if (view.applications.length > 1)
      lines.push(strong(`Application ${at + 1}: ${applicationText(application)}`));
    const others = application.names.slice(1).map((name) => name.text);
    if (others.length > 0) lines.push(faint(`${INDENT}also ${others.join(', ')}`));
    lines.push(...applicationLines(run, application, hostOf, listed, columns));
  });
  return listed === 'none' ? lines : [...lines, '', faint(thresholdText(view))];
}

function silentHint(view: TopologyView): string {
  const { smoothingMs } = view.parameters;
  return (
    `Rates are means over ${duration(smoothingMs)}. When VMs do talk and nothing shows here: \`vnet vms\` tells ` +
    'whether a port refuses them, `vnet status` whether their hosts report, `vnet matrix` the last rates.'
  );
}

function unionHint(view: TopologyView): string {
  const { smoothingMs, updateMs } = view.parameters;
  return (
    'The application changes faster than its topologies can be told apart, so what stands here holds the edges of ' +
    `all of them. Updates come every ${duration(updateMs)}, smoothed over ${duration(smoothingMs)}: a shorter ` +
    'smoothing may tell them apart, `vnet sight --smoothing TIME`.'
  );
}

function thresholdText(view: TopologyView): string {
  const { detectionThreshold } = view.parameters;
  const kept = view.pairs - view.pruned;
  return (
    `${plural(kept, 'pair')} of ${view.pairs} kept, ${view.pruned} below ${percent(detectionThreshold)} of the busiest ` +
    '(`vnet sight --threshold`)'
  );
}

const prose = (run: Run, text: string, columns: number): string[] =>
  wrap(text, Math.min(columns, 96), INDENT.length).map(run.paint.faint);

function applicationLines(
  run: Run,
  application: ApplicationView,
  hostOf: Placement,
  listed: EdgesListed,
  columns: number,
): string[] {
  const { vm, faint } = run.paint;
  const label = (name: string): string => {
    const host = hostOf.get(name);
    return `${vm(name)}${host === undefined ? '' : faint(` (${host})`)}`;
  };
  const style: DrawStyle = {
    pen: run.glyphs.full === '█' ? UNICODE_PEN : ASCII_PEN,
    columns: columns - INDENT.length,
    label,
  };
  const drawing = drawApplication(application, style);
  const list = adjacency(run, application, label, columns);
  if (!drawing) return list;
  const lines = drawing.map((line) => INDENT + line);
  if (listed === 'none') return lines;
  if (listed === 'every' || application.edges.length <= LISTED_EDGES_MAX)
    return [...lines, '', ...edgeList(run, application)];
  return [...lines, '', faint(`${INDENT}${rangeText(application)}`)];
}

function rangeText({ edges }: ApplicationView): string {
  const rates = edges.map((edge) => edge.bitsPerSecond);
  const [least, most] = [Math.min(...rates), Math.max(...rates)];
  return `${plural(edges.length, 'edge')}, ${bitRate(least)} to ${bitRate(most)} each, both directions together (\`--edges\` lists them)`;
}

const BAR_WIDTH = 16;

/** Every edge once, the busiest first, with a bar. */
function edgeList(run: Run, { edges }: ApplicationView): string[] {
  const { vm, good } = run.paint;
  const sorted = [...edges].sort((a, b) => b.bitsPerSecond - a.bitsPerSecond);
  const texts = sorted.map(({ a, b }) => `${vm(a)} ${run.glyphs.both} ${vm(b)}`);
  const width = Math.max(0, ...texts.map(visibleLength));
  return sorted.map((edge, at) => {
    const bar = run.glyphs.full.repeat(Math.max(1, Math.round(edge.weight * BAR_WIDTH)));
    return `${INDENT}${pad(texts[at] ?? '', width)}  ${pad(bitRate(edge.bitsPerSecond), 11, true)}  ${good(bar)}`;
  });
}

/** Each VM with those it talks to: for what has no drawing. */
function adjacency(
  run: Run,
  application: ApplicationView,
  label: (vm: string) => string,
  columns: number,
): string[] {
  const rates = new Map<string, Map<string, number>>(application.vms.map((vm) => [vm, new Map()]));
  for (const { a, b, bitsPerSecond } of application.edges) {
    rates.get(a)?.set(b, bitsPerSecond);
    rates.get(b)?.set(a, bitsPerSecond);
  }
  const width = Math.max(0, ...application.vms.map((vm) => visibleLength(label(vm))));
  const room = columns - width - INDENT.length - 3;
  return application.vms.flatMap((vm) => {
    const others = [...(rates.get(vm) ?? [])].sort(([, one], [, two]) => two - one);
    const words = others.map(([other, rate]) => `${other} ${bitRate(rate)}`.replaceAll(' ', NO_BREAK));
    const [first = '', ...more] = wrap(words.join(', '), Math.max(room, 20)).map((line) =>
      line.replaceAll(NO_BREAK, ' '),
    );
    const blank = ' '.repeat(width + INDENT.length + 3);
    return [
      `${INDENT}${pad(label(vm), width)} ${run.glyphs.line === '──' ? '─' : '-'} ${first}`,
      ...more.map((line) => blank + line),
    ];
  });
}

/** Stands for a blank at which a line must not break. */
const NO_BREAK = '\u00a0';
