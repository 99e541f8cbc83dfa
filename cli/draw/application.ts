/** An application's topology drawn as people know its shape. What has no good drawing is listed by the caller. */
import type { ApplicationView } from '../../core/index.js';
import { visibleLength } from '../palette.js';
import { pad } from '../table.js';
import type { DrawStyle } from './pen.js';

/** VMs of a drawing; beyond, a list is easier to read. */
const DRAWN_VMS_MAX = 64;
const DASHES = 2;

/** Lines of the drawing; undefined where the shape has none or it does not fit. */
export function drawApplication(application: ApplicationView, style: DrawStyle): string[] | undefined {
  const [name] = application.names;
  if (!name || application.vms.length > DRAWN_VMS_MAX || name.order.length !== application.vms.length)
    return undefined;
  const lines = linesOf(application, name.kind, name.order, name.dimensions ?? [], style);
  return lines?.every((line) => visibleLength(line) <= style.columns) ? lines : undefined;
}

function linesOf(
  application: ApplicationView,
  kind: ApplicationView['names'][number]['kind'],
  order: readonly string[],
  sides: readonly number[],
  style: DrawStyle,
): string[] | undefined {
  switch (kind) {
    case 'pair':
    case 'bus':
      return bus(order, style);
    case 'ring':
      return ring(order, style);
    case 'mesh':
    case 'torus':
      return grids(order, sides, kind === 'torus', style);
    case 'star':
    case 'binary-tree':
      return tree(application, order[0] ?? '', style);
    case 'bipartite':
    case 'multi-tier':
      return tiers(application, order, sides, style);
    case 'all-to-all':
      return everyone(order, style);
    case 'hypercube':
      return grids(order, new Array<number>(sides[0] ?? 0).fill(2), false, style);
  }
}

const rule = (style: DrawStyle, length: number): string => style.pen.dash.repeat(Math.max(0, length));

/** `v1 ── v2 ── v3`, on as many lines as it takes. */
function bus(order: readonly string[], style: DrawStyle): string[] {
  const step = ` ${rule(style, DASHES)} `;
  const lines: string[] = [];
  let line = '';
  for (const vm of order) {
    const label = style.label(vm);
    if (line !== '' && visibleLength(line + step + label) + step.length > style.columns) {
      lines.push(line + step.trimEnd());
      line = `  ${rule(style, DASHES)} ${label}`;
    } else line = line === '' ? label : line + step + label;
  }
  return [...lines, line];
}

/** Half of it on the way there, half on the way back. */
function ring(order: readonly string[], style: DrawStyle): string[] {
  const { pen } = style;
  const half = Math.ceil(order.length / 2);
  const labels = order.map(style.label);
  const there = labels.slice(0, half);
  const back = labels.slice(half).reverse();
  const widths = there.map((label, at) => Math.max(visibleLength(label), visibleLength(back[at] ?? '')));
  const row = (cells: string[], left: string, right: string): string => {
    const body = cells.map((cell, at) => {
      const dashes = (widths[at] ?? 0) - visibleLength(cell);
      return cell === '' ? rule(style, dashes + 2) : ` ${cell} ${rule(style, dashes)}`;
    });
    return `${left}${pen.dash}${body.join(rule(style, DASHES))}${pen.dash}${right}`;
  };
  while (back.length < there.length) back.push('');
  const inside = widths.reduce((sum, width) => sum + width + 2, 0) + DASHES * (widths.length - 1) + 2;
  return [
    row(there, pen.topLeft, pen.topRight),
    `${pen.bar}${' '.repeat(inside)}${pen.bar}`,
    row(back, pen.bottomLeft, pen.bottomRight),
  ];
}

/** Two sides are drawn as they are, three as layers; more have no good drawing. */
function grids(
  order: readonly string[],
  sides: readonly number[],
  closed: boolean,
  style: DrawStyle,
): string[] | undefined {
  const [depth = 0, rows = 0, columns = 0] = sides.length === 2 ? [1, ...sides] : sides;
  if (sides.length < 2 || sides.length > 3 || depth * rows * columns !== order.length) return undefined;
  if (depth === 1) return grid(order, rows, columns, closed, style);
  const around = closed && depth > 2 ? ', the last with the first' : '';
  const layers = Array.from({ length: depth }, (_, layer) => [
    `layer ${layer + 1}`,
    ...grid(order.slice(layer * rows * columns, (layer + 1) * rows * columns), rows, columns, closed, style),
  ]);
  return [...layers.flat(), `each also with the one at its place in the next layer${around}`];
}

/** Row by row; a torus shows which of its sides close (one of two is closed by the edge that is there). */
function grid(
  order: readonly string[],
  rows: number,
  columns: number,
  closed: boolean,
  style: DrawStyle,
): string[] {
  const { pen } = style;
  const labels = order.map(style.label);
  const width = Math.max(...labels.map(visibleLength));
  const step = width + DASHES + 2;
  const [left, right] = closed && columns > 2 ? [`${pen.around} `, ` ${pen.around}`] : ['', ''];
  const uprights = (mark: string): string =>
    (' '.repeat(left.length) + Array.from({ length: columns }, () => pad(mark, step)).join('')).trimEnd();
  const ends = closed && rows > 2 ? [uprights(pen.aroundDown)] : [];
  const lines: string[] = [];
  for (let at = 0; at < order.length; at += columns) {
    if (at > 0) lines.push(uprights(pen.bar));
    const cells = labels.slice(at, at + columns).map((label, column) => {
      if (column === columns - 1) return label;
      return `${label} ${rule(style, width - visibleLength(label) + DASHES)} `;
    });
    lines.push(`${left}${cells.join('')}${right}`);
  }
  return [...ends, ...lines, ...ends];
}

/** Indented under its root; each VM under the one that reached it first. */
function tree(application: ApplicationView, root: string, style: DrawStyle): string[] {
  const { pen } = style;
  const neighbours = neighboursOf(application);
  const children = new Map<string, string[]>();
  const seen = new Set([root]);
  for (const vm of seen) {
    const found = (neighbours.get(vm) ?? []).filter((other) => !seen.has(other));
    children.set(vm, found);
    for (const other of found) seen.add(other);
  }
  const lines = [style.label(root)];
  const below = (vm: string, indent: string): void => {
    const under = children.get(vm) ?? [];
    under.forEach((child, at) => {
      const last = at === under.length - 1;
      lines.push(`${indent}${last ? pen.corner : pen.teeRight}${pen.dash} ${style.label(child)}`);
      below(child, `${indent}${last ? '   ' : `${pen.bar}  `}`);
    });
  };
  below(root, '');
  return lines;
}

/** A line a tier; between two tiers stands how many edges join them. */
function tiers(
  application: ApplicationView,
  order: readonly string[],
  sizes: readonly number[],
  style: DrawStyle,
): string[] | undefined {
  if (sizes.reduce((sum, size) => sum + size, 0) !== order.length || sizes.length < 2) return undefined;
  const rows: (readonly string[])[] = [];
  let from = 0;
  for (const size of sizes) {
    rows.push(order.slice(from, from + size));
    from += size;
  }
  const tierOf = new Map(rows.flatMap((row, tier) => row.map((vm) => [vm, tier] as const)));
  return rows.flatMap((row, tier) => {
    const line = `tier ${tier + 1}  ${row.map(style.label).join('   ')}`;
    if (tier === rows.length - 1) return [line];
    const between = application.edges.filter(
      ({ a, b }) => Math.min(tierOf.get(a) ?? -1, tierOf.get(b) ?? -1) === tier,
    ).length;
    return [line, `  ${style.pen.bar}     ${between} ${between === 1 ? 'edge' : 'edges'}`];
  });
}

/** The edges would hide the VMs: it is enough to say that there are all of them. */
function everyone(order: readonly string[], style: DrawStyle): string[] {
  const lines = ['each of these with every other:'];
  let line = ' ';
  for (const vm of order) {
    const label = style.label(vm);
    if (visibleLength(`${line} ${label}`) > style.columns) {
      lines.push(line);
      line = ' ';
    }
    line += ` ${label}`;
  }
  return [...lines, line];
}

function neighboursOf({ edges }: ApplicationView): Map<string, string[]> {
  const neighbours = new Map<string, string[]>();
  const join = (from: string, to: string): void => {
    const known = neighbours.get(from);
    if (known) known.push(to);
    else neighbours.set(from, [to]);
  };
  for (const { a, b } of edges) {
    join(a, b);
    join(b, a);
  }
  for (const known of neighbours.values()) known.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  return neighbours;
}
