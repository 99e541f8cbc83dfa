import type { Command } from 'commander';
import type { VmView } from '../../core/index.js';
import type { CliContext } from '../context.js';
import { NameBook } from '../names.js';
import { act, addVerb, GROUPS, type Run } from '../run.js';
import { survey } from '../survey.js';

export function addVms(program: Command, context: CliContext): void {
  const command = addVerb(program, {
    usage: 'vms',
    group: GROUPS.look,
    summary: 'VMs: names, addresses, where they are',
    about:
      'Lists the VMs of the overlay: name, addresses, host and port. Machines of a LAN, learnt at one of its ports, ' +
      'are listed too; they age out by themselves. With --host only those on that host. Beneath stand sources ' +
      'that a guarded port refused, each with the command that admits it.',
    examples: [
      ['vms', 'every VM'],
      ['vms --host a', 'those on a'],
      ["vms --json | jq -r '.[].macs[]'", 'every address, for scripts'],
    ],
  });
  act(command, context, async (run) => {
    const overlay = await run.client.overview();
    if (run.options.host !== undefined) new NameBook(overlay).host(run.options.host);
    const vms = overlay.vms.filter((vm) => run.options.host === undefined || vm.host === run.options.host);
    if (run.json) return run.printJson(vms);
    showVms(run, vms);
    const ready = overlay.hosts.filter((host) => host.phase === 'ready').map((host) => host.name);
    const views = await survey(run, run.options.host === undefined ? ready : [run.options.host]);
    for (const [host, view] of views) {
      for (const port of view.ports) {
        for (const mac of port.refused) {
          const admit = `vnet vm add NAME on ${host} mac ${mac} port ${port.port}`;
          run.print(
            `${run.paint.warn(`not admitted: ${mac} at ${port.port} on ${host}`)}  ${run.paint.faint(`admit it: ${admit}`)}`,
          );
        }
      }
    }
  });
}

function showVms(run: Run, vms: VmView[]): void {
  const { vm: vmName, host, faint } = run.paint;
  run.printTable(
    [
      { title: 'VM' },
      { title: 'NETWORK' },
      { title: 'ADDRESSES', flex: true },
      { title: 'HOST' },
      { title: 'PORT', flex: true },
      { title: 'OWNER' },
      { title: '' },
    ],
    vms.map((vm) => [
      vmName(vm.name),
      vm.network,
      vm.macs.join(' '),
      host(vm.host),
      vm.port ?? '',
      vm.owner,
      faint([...(vm.pinned ? ['pinned'] : []), ...(vm.learnt ? ['learnt'] : [])].join(' ')),
    ]),
    'No VMs yet: `vnet vm add NAME on HOST mac ADDRESS port PORT`.',
  );
}
