import type { Command } from 'commander';
import type { CliContext } from '../context.js';
import { act, addVerb, GROUPS } from '../run.js';
import { bottleneckText, printLinkEstimates, printNet } from '../underlay-text.js';

export function addNet(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'net',
    group: GROUPS.look,
    summary: 'the network underneath: bandwidth, latency, loss',
    about:
      'Shows what is known of the network between the hosts: the bandwidth that is still free, round trips, loss. ' +
      "It is measured from the links' own traffic, and by short trains where there is too little of it (`vnet " +
      'sight --probe-share`). Estimates, with their age: what is old or uncertain is faint. Beneath stand links ' +
      'that share a bottleneck, and notes of what looks wrong.',
    examples: [
      ['net', 'a table for each figure'],
      ['net --links', 'each direction of each link: capacity, use, delay variation, MTU, method'],
      ["net --json | jq '.paths[] | select(.link.lossRatio.value > 0.01)'", 'lossy paths, for scripts'],
    ],
  }).option('--links', 'each direction of each link, in full');
  act<[], { links?: boolean }>(command, context, async (run, options) => {
    const view = await run.client.underlay();
    if (run.json) return run.printJson(view);
    if (options.links)
      printLinkEstimates(
        run,
        view.paths.flatMap((path) => (path.link ? [path.link] : [])),
      );
    else printNet(run, view);
    const { strong, warn } = run.paint;
    if (view.bottlenecks.length > 0) {
      run.print('', strong('Bottlenecks in common'));
      for (const group of view.bottlenecks) run.print(`  ${bottleneckText(run, group)}`);
    }
    if (view.notes.length > 0) {
      run.print('', strong('Notes'));
      for (const note of view.notes) run.print(`  ${warn(note)}`);
    }
  });
}
