import { type Command, Option } from 'commander';
import type { CliContext } from '../context.js';
import { dotText, mermaidText } from '../draw/index.js';
import { act, addVerb, GROUPS } from '../run.js';
import { otherNetworks, placementOf, topologyLines } from '../topology-text.js';

interface Options {
  network?: string;
  dot?: boolean;
  mermaid?: boolean;
  edges?: boolean;
}

export function addTopology(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'topology',
    group: GROUPS.look,
    summary: 'the topology of the application, as its traffic shows it',
    about:
      'Draws who talks to whom: the VMs, the host each is on, and the shape that their traffic has, with how sure ' +
      'that is. Nothing is asked of the VMs; the daemons count frames, pairs below the threshold are left out ' +
      '(`vnet sight`). VMs that have nothing to do with each other are applications of their own. When topologies ' +
      'change faster than they can be told apart, their union is shown, and said to be one.',
    examples: [
      ['topology', 'a drawing'],
      ['topology --dot | fdp -Tsvg > app.svg', 'for Graphviz'],
      ['topology --mermaid', 'for Markdown'],
      ["topology --json | jq -r '.applications[].names[0].text'", 'the names of the shapes, for scripts'],
    ],
  })
    .option('--network <name>', 'where there are several')
    .option('--edges', 'list every edge with its rate')
    .addOption(new Option('--dot', "Graphviz's language").conflicts('mermaid'))
    .option('--mermaid', 'a Mermaid flow chart');
  act<[], Options>(command, context, async (run, options) => {
    const view = await run.client.inferredTopology(options.network);
    if (run.json) return run.printJson(view);
    const overlay = await run.overlayIfReachable();
    const hostOf = placementOf(overlay, view.network);
    if (options.dot) return run.print(dotText(view, hostOf));
    if (options.mermaid) return run.print(mermaidText(view, hostOf));
    run.print(...topologyLines(run, view, hostOf, options.edges ? 'every' : 'few'));
    if (options.network === undefined) run.print(...otherNetworks(run, overlay, view.network));
  });
}
