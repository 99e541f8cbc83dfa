/** An inferred topology for Graphviz and Mermaid: VMs in a box for each host, edges with their rates. */
import type { TopologyView } from '../../core/index.js';
import { bitRate } from '../format.js';

/** Where VMs are: host name by VM name; what is not in it stands outside any box. */
export type Placement = ReadonlyMap<string, string>;

const PEN_WIDTH_MAX = 5;

/** Graphviz's DOT language, for `dot -Tsvg` or, better for these graphs, `fdp -Tsvg`. */
export function dotText(view: TopologyView, hostOf: Placement): string {
  const quoted = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  const lines = [`graph ${quoted(view.network)} {`, '  node [shape=box, style=rounded];'];
  for (const [host, vms] of byHost(view, hostOf)) {
    const inside = vms.map((vm) => `${quoted(vm)};`).join(' ');
    if (host === undefined) lines.push(`  ${inside}`);
    else lines.push(`  subgraph ${quoted(`cluster_${host}`)} { label=${quoted(`host ${host}`)}; ${inside} }`);
  }
  for (const edge of edgesOf(view)) {
    const width = (1 + (PEN_WIDTH_MAX - 1) * edge.weight).toFixed(1);
    lines.push(
      `  ${quoted(edge.a)} -- ${quoted(edge.b)} [label=${quoted(bitRate(edge.bitsPerSecond))}, penwidth=${width}];`,
    );
  }
  return [...lines, '}'].join('\n');
}

/** A Mermaid flow chart, which Markdown on most forges draws. */
export function mermaidText(view: TopologyView, hostOf: Placement): string {
  const names = view.applications.flatMap((application) => application.vms);
  const ids = new Map(names.map((name, at) => [name, `v${at + 1}`]));
  const quoted = (text: string): string => `"${text.replaceAll('"', '#quot;')}"`;
  const node = (vm: string): string => `${ids.get(vm) ?? ''}[${quoted(vm)}]`;
  const lines = ['graph LR'];
  let box = 0;
  for (const [host, vms] of byHost(view, hostOf)) {
    if (host === undefined) lines.push(...vms.map((vm) => `  ${node(vm)}`));
    else
      lines.push(
        `  subgraph h${++box}[${quoted(`host ${host}`)}]`,
        ...vms.map((vm) => `    ${node(vm)}`),
        '  end',
      );
  }
  for (const { a, b, bitsPerSecond } of edgesOf(view))
    lines.push(`  ${ids.get(a) ?? ''} ---|${quoted(bitRate(bitsPerSecond))}| ${ids.get(b) ?? ''}`);
  return lines.join('\n');
}

const edgesOf = (view: TopologyView) => view.applications.flatMap((application) => application.edges);

function byHost(view: TopologyView, hostOf: Placement): [host: string | undefined, vms: string[]][] {
  const boxes = new Map<string | undefined, string[]>();
  for (const vm of view.applications.flatMap((application) => application.vms)) {
    const host = hostOf.get(vm);
    boxes.set(host, [...(boxes.get(host) ?? []), vm]);
  }
  return [...boxes];
}
