import type { Command } from 'commander';
import type { CliContext } from '../context.js';
import { plural } from '../format.js';
import { act, addVerb } from '../run.js';
import { openLineFile } from '../system/index.js';

interface Options {
  network?: string;
  replace?: boolean;
}

export function addAdaptExport(group: Command, context: CliContext): void {
  const command = addVerb(group, {
    usage: 'export <file>',
    summary: 'what runs now, as an instance file',
    about:
      'Writes the problem that adaptation has before it at this moment: the hosts and what the network between them can ' +
      'carry, the VMs, and what they say to each other. `vnet sim` and `vnet adapt compare` try solvers on it, ' +
      '`vnet adapt replay` runs recordings on it, without touching anything. `-` is standard output.',
    examples: [
      ['adapt export lab.json', 'the network, as it is'],
      ['record hour.vnetlog --for 1h', 'what runs on it'],
      ['adapt replay hour.vnetlog --on lab.json', 'what every solver would have done'],
    ],
  })
    .option('--network <name>', 'where there are several')
    .option('--replace', 'overwrite a file that is there');
  act<[string], Options>(command, context, async (run, { network, replace }, path) => {
    const { presentInstance, printInstance } = await import('../adapt-study/index.js');
    const { file, notes } = await presentInstance(run, network);
    const out = openLineFile(path, replace ? 'replace' : 'new');
    try {
      out.write(printInstance(file));
    } finally {
      out.close();
    }
    for (const note of notes) run.note(run.paint.warn(note));
    if (path === '-') return;
    const { hosts, vms, flows } = file.problem;
    if (run.json)
      return run.printJson({
        file: path,
        name: file.name,
        hosts: hosts.length,
        vms: vms.length,
        flows: flows.length,
        notes,
      });
    run.print(
      `${plural(hosts.length, 'host')}, ${plural(vms.length, 'VM')} and ${plural(flows.length, 'flow')} written to ${path}`,
      run.paint.faint(`Try: vnet sim ${path}`),
    );
  });
}
